"""The words of the project: what users never read, and what they read in its place."""

from __future__ import annotations

import re

EACH = "row|core|step|class|strategy|seed|training|run|task|trial"

# pattern of a word that no user reads -> the right word
WRONG = {
    r"\bcuts?\b(?! (?:off|down|out))|\bcut_\w+": "decision threshold, threshold",
    r"\bremed(?:y|ies)\b": "strategy",
    r"\bcells?\b(?! of (?:a|the) table|\.py)": "run",
    r"\bless none(?:'s)?\b|\b(?:against|than|from|to) none\b": "ΔF1 vs baseline, the baseline",
    r"\bas (?:it |they |each strategy |the strategy )?decide[sd]?\b": "at its own threshold",
    r"\bbeyond chance\b|\bmay be chance\b|\bmere chance\b": "significant (95 %, adjusted)",
    r"\btold (?:apart )?from\b|\btold apart\b": "no significant difference",
    r"\bnothing is claimed\b": "no claim",
    r"\btaken at (?:its|their) word\b|\b(?:be|are) believed\b": "calibrated, not calibrated",
    r"\bpromised probabilit|\bprobabilit\w+ promised\b": "predicted probability",
    r"\bcame true\b": "observed frequency",
    r"\bdecided class\b|\btrue class \\ decided\b": "predicted, actual",
    r"\bmiddle half\b": "F1 (IQM)",
    r"\btraining parts?\b": "training",
    r"\bdecision parts?\b": "post-hoc",
    r"(?<!`)\bstand-ins?\b(?!`)": "synthetic data",
    r"\bpictures?\b": "image",
    r"\banswers? (?:\w+ )?rows?\b": "predicts",
    r"\blooks? at validation\b": "evaluations",
    r"\bcourses? of (?:a )?training\b|\bphases?\b": "stages",
    r"\boracle\b": "best threshold on test (upper bound)",
    r"\bmoved (?:cut|threshold)s?\b": "effect of threshold tuning",
    rf"\bnats a row\b|\b(?:one|weight|row|folder|file|number)s? an? (?:{EACH})\b": "per",
    r"\b(?:row|column)s? a strategy\b|\btakes? a step\b": "per",
}


def offences(text: str) -> list[str]:
    """Return each wrong word of a text with its surroundings and the right word."""
    text = re.sub(r"\s+", " ", text)
    found = []
    for pattern, right in WRONG.items():
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            place = text[max(0, match.start() - 30) : match.end() + 30].strip()
            found.append(f"{match[0]!r} in {place!r}: write {right}")
    return found
