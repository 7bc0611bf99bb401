"""Where secrets are that a yml refers to: the environment, a file, Vault, AWS Secrets Manager.

Vault and AWS are asked with what their own tools take from the environment (`VAULT_ADDR`, `VAULT_TOKEN`, …; AWS's
usual chain), at most once a minute. No secret is written anywhere.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assay.feeds.errors import FeedError, Permanent, Transient
from assay.feeds.hosts import are_here

_KEPT_SECONDS = 60.0
_kept: dict[tuple[str, str], tuple[float, str]] = {}
_given: dict[tuple[str, str], str] = {}
"""What each place gave last whose secret may change while this process runs."""
_VAULT_TIMEOUT = 10
_PASSING = ("Throttling", "ThrottlingException", "InternalServiceError", "InternalServiceErrorException")


def secret_of(place: str, name: str, whose: str) -> str:
    """The secret that `${place:name}` refers to.

    Args:
        place: One of `yml_feed.PLACES`.
        name: A variable, a path, or a path or name with `#` and a key.
        whose: What a message calls the reference's place, e.g. `feed orders: url`.

    Raises:
        Permanent: It is not there, or may not be read.
        Transient: Who has it cannot be reached.
    """
    reference = f"{whose} refers to ${{{place}:{name}}}"
    if place == "env":
        return _of_environment(name, reference)
    until, secret = _kept.get((place, name), (0.0, ""))
    if time.monotonic() >= until:
        secret = _ASKED[place](name, reference)
        if place != "file":
            _kept[place, name] = (time.monotonic() + _KEPT_SECONDS, secret)
    _given[place, name] = secret
    return secret


def forget() -> None:
    """Ask all places anew for what is referred to from now on."""
    _kept.clear()


def have_changed() -> bool:
    """Whether a place holds another secret by now than it gave last; what cannot be read now is as it was."""
    forget()
    before = dict(_given)
    for place, name in before:
        with suppress(FeedError):
            secret_of(place, name, "")
    return _given != before


def _of_environment(name: str, reference: str) -> str:
    if not os.environ.get(name):
        raise Permanent(f"{reference}, which is not set; set the variable {name}")
    return os.environ[name]


def _of_file(name: str, reference: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text in UTF-8"
        raise Permanent(f"{reference}, which cannot be read: {why}") from None


def _of_vault(name: str, reference: str) -> str:
    """A key of a secret of a KV engine, of version 1 or 2; the path is that of `vault kv get`."""
    path, _, key = name.partition("#")
    address = os.environ.get("VAULT_ADDR", "")
    if not address:
        raise Permanent(f"{reference}, and VAULT_ADDR is not set; set it to Vault's address, and VAULT_TOKEN")
    if not address.startswith("https://") and not are_here(urlsplit(address).hostname or "?"):
        raise Permanent(f"{reference}, and VAULT_ADDR is not https; a secret does not go through a network in clear")
    try:
        import hvac  # noqa: PLC0415 - an extra
    except ImportError:
        raise Permanent(f"{reference}, which needs hvac; install it: pip install 'assay-lakehouse[vault]'") from None
    with _asking_vault(reference):
        client = hvac.Client(url=address, namespace=os.environ.get("VAULT_NAMESPACE"), timeout=_VAULT_TIMEOUT)
        mount = client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}")["data"]
        within = path.removeprefix(mount["path"])
        is_second = (mount.get("options") or {}).get("version") == "2"
        answer = client.adapter.get(f"/v1/{mount['path']}{'data/' if is_second else ''}{within}")["data"]
    return _value(answer["data"] if is_second else answer, key, reference)


@contextmanager
def _asking_vault(reference: str) -> Iterator[None]:
    """Tell errors of hvac, none of which quotes a secret's value."""
    from hvac.exceptions import InternalServerError, RateLimitExceeded, VaultDown, VaultError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415 - hvac's own
    from requests.exceptions import SSLError  # noqa: PLC0415

    try:
        yield
    except SSLError:
        raise Permanent(f"{reference}, and Vault's certificate is not trusted; set VAULT_CACERT") from None
    except (InternalServerError, RateLimitExceeded, VaultDown, RequestException) as error:
        raise Transient(f"{reference}, and Vault cannot be asked now ({type(error).__name__})") from None
    except VaultError as error:
        raise Permanent(
            f"{reference}, and Vault refuses it ({type(error).__name__}); see that the path is there and that the "
            "token is valid and may read it"
        ) from None
    except (KeyError, TypeError, ValueError):
        raise Permanent(f"{reference}, which is no secret of a KV engine") from None


def _of_aws(name: str, reference: str) -> str:
    """A secret of AWS Secrets Manager, or a key of one that is a JSON object."""
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise Permanent(f"{reference}, which needs boto3; install it: pip install 'assay-lakehouse[aws]'") from None
    secret, _, key = name.partition("#")
    try:
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _PASSING or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:  # noqa: PLR2004
            raise Transient(f"{reference}, and AWS cannot be asked now ({code})") from None
        raise Permanent(
            f"{reference}, and AWS refuses it ({code}); see that it is there in this region and that the role has "
            "secretsmanager:GetSecretValue"
        ) from None
    except BotoCoreError as error:
        kind = type(error).__name__
        if kind in ("NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ProfileNotFound"):
            raise Permanent(f"{reference}, and {error}; set AWS's credentials and region for this process") from None
        raise Transient(f"{reference}, and AWS cannot be asked now ({kind})") from None
    if "SecretString" not in answer:
        raise Permanent(f"{reference}, which is binary; keep it as text")
    text = str(answer["SecretString"])
    if not key:
        return text
    try:
        return _value(json.loads(text), key, reference)
    except ValueError:
        raise Permanent(f"{reference}, which is not a JSON object; leave out #{key} for all of its text") from None


def _value(secret: Any, key: str, reference: str) -> str:
    """A member of a secret; the message about one that is not there names what is."""
    if not isinstance(secret, Mapping) or not isinstance(secret.get(key), str | int | float) or not str(secret[key]):
        known = ", ".join(sorted(map(str, secret))) if isinstance(secret, Mapping) else ""
        raise Permanent(f"{reference}, which has no text {key!r}{f'; it has {known}' if known else ''}")
    return str(secret[key])


_ASKED: Mapping[str, Callable[[str, str], str]] = {"file": _of_file, "vault": _of_vault, "aws": _of_aws}
