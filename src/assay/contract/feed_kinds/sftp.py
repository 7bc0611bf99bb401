"""A feed that fetches the files of an SFTP server."""

from __future__ import annotations

from dataclasses import dataclass

from assay.contract.feed_kinds.objects import ObjectsFeed


@dataclass(frozen=True, kw_only=True)
class SftpFeed(ObjectsFeed):
    """The files below a folder of an SFTP server.

    Attributes:
        host: The server.
        port: Where it listens.
        user: As who it is asked.
        folder: The folder, absolute or from where the server begins.
        password: A reference; empty for none.
        key: The path of a private key, or a reference to one; empty for none.
        key_password: What the key is encrypted with, a reference; empty for none.
        host_key: The server's public key, as `ssh-keyscan` prints it; empty where `known_hosts` has it.
        known_hosts: A file of such keys; empty for that of the user who runs the feed.
        settle: Seconds for which a file has to keep its size and time.
    """

    host: str
    port: int = 22
    user: str
    folder: str
    password: str = ""
    key: str = ""
    key_password: str = ""
    host_key: str = ""
    known_hosts: str = ""
    settle: float = 10.0

    @property
    def where(self) -> str:
        """The server and the folder."""
        port = "" if self.port == 22 else f":{self.port}"  # noqa: PLR2004 - the port of SSH
        return f"sftp://{self.user}@{self.host}{port}/{self.folder.lstrip('/')}"
