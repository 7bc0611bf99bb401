"""What a project says stands in dbt's file as data, whatever it is."""

from __future__ import annotations

from assay.contract.catalog import Catalog
from assay.page.dbt_docs import inlined

HOSTILE = '</script><script>alert(1)</script> "CATALOG.JSON INLINE DATA" \\1'
PAGE = '<script>x={a:"MANIFEST.JSON INLINE DATA",b:"CATALOG.JSON INLINE DATA"}</script>'


def test_a_description_ends_no_script_and_takes_no_place() -> None:
    node = {"name": "analysis", "description": HOSTILE}
    html = inlined(PAGE, Catalog({"nodes": {"a": node}}, {}), {"analysis": "select '</script>'"})
    assert html.count("<script") == html.count("</script") == 1
    assert html.count('"sources": {}') == 1
    assert r"\u003cscript>alert(1)" in html
    assert r"select '\u003c/script>'" in html
