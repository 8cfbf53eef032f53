"""What the site has and docs/ has not: a page for each rule, and links to files of the repository."""

from __future__ import annotations

import posixpath
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from nanwatch.diagnose.rule import Rule, all_rules

RULES = "rules.md"
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
RULE_FILE = re.compile(r"nanwatch/diagnose/rules/nw(\d{3})_\w+\.py$")
READ_ON = "blob/main/"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The rules below the page that lists them."""
    (rules,) = (entry["Rules"] for entry in config.nav or [] if "Rules" in entry)
    rules += [{f"{rule.code} {rule.name}": address(rule)} for rule in all_rules()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for rule in all_rules():
        files.append(File.generated(config, address(rule), content=page_of(rule)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A link out of docs/, which leads to a file of the repository, leads to it on GitHub.

    One to the file of a rule leads to the rule's page.
    """
    above = posixpath.dirname(page.file.src_uri)

    def lead(match: re.Match[str]) -> str:
        before, target, anchor, after = match[1], match[2], match[3] or "", match[4]
        if "://" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join("docs", above, target))
        if path.startswith("docs/"):
            return match[0]
        if rule := RULE_FILE.search(path):
            return f"{before}{posixpath.relpath(f'rules/NW{rule[1]}.md', above or '.')}{after}"
        return f"{before}{config.repo_url}/{READ_ON}{path}{anchor}{after}"

    return LINK.sub(lead, markdown)


def address(rule: Rule) -> str:
    return f"rules/{rule.code}.md"


def page_of(rule: Rule) -> str:
    """The documentation of ``rule``, which is Markdown, below its code, name and level."""
    return (
        f"---\ntitle: {rule.code} {rule.name}\n---\n\n# {rule.code} {rule.name}\n\n"
        f"*Level: {rule.level}. In a terminal: `nanwatch rule {rule.code}`*\n\n{rule.documentation()}\n"
    )
