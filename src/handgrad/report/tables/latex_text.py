r"""Text for LaTeX: escaped, in the alphabet that pdfLaTeX sets in any article, and how wide it is.

A name, a path or a value may hold any sign.  Latin letters with their accents, the signs of mathematics that reports
use and Greek letters are set as they are; any other sign is transcribed (犬 as Quan, Ж as Zh, 🐈 as :cat2:), since
pdfLaTeX stops at a letter that its fonts do not have.  Control signs and marks that only change others are left out.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache

LONGEST = 160  # letters of a cell and of a word; the CSV has all of them
LAST_LATIN = 0x17F
NOT_SET = frozenset("ĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ«»ÐÞðþ¢£¤¥¦¨ª¬\xad¯´µ¶¸º¡¿§©®°")  # Latin ones that some encoding has not

GREEK = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμνξπρστυφχψω"
GREEK_NAMES = """
Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu
nu xi pi rho sigma tau upsilon varphi chi psi omega"""
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",  # after \\ a bare bracket would be read as a length
    "]": "{]}",
    "*": "{*}",  # likewise \\*
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "{''}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "•": r"\textbullet{}",
    "°": r"$^{\circ}$",
    "µ": r"$\mu$",
    "¬": r"$\neg$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "·": r"$\cdot$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∈": r"$\in$",
    "←": r"$\leftarrow$",
    "→": r"$\rightarrow$",
    "√": r"$\surd$",
    "∑": r"$\Sigma$",
    "∂": r"$\partial$",
    "∇": r"$\nabla$",
    "∞": r"$\infty$",
    "½": r"$\frac{1}{2}$",
    "¼": r"$\frac{1}{4}$",
    "¾": r"$\frac{3}{4}$",
    "²": r"$^{2}$",
    "³": r"$^{3}$",
    "¹": r"$^{1}$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    **{chr(0x2080 + digit): f"$_{{{digit}}}$" for digit in range(10)},
    **{sign: rf"$\{name}$" for sign, name in zip(GREEK, GREEK_NAMES.split(), strict=True)},
}
_ESCAPES = str.maketrans(LATEX)

# widths of Computer Modern (cmr10) in hundredths of a point
_WIDTHS = {
    letter: width
    for letters, width in (
        (" ", 334), ("!\"',.:;_`il|", 278), ("‘’", 278), ("fj", 306), ("-", 334), ("I()[]rst", 392), ("c", 445),
        ("ez<>?", 473), ("$*/0123456789\\^ago{}~+=–“”", 500), ("JkqvxyF", 528), ("Sbdhnpu†‡", 556), ("ZL", 625),
        ("EP", 681), ("BCTw", 723), ("R", 737), ("AHNUVXYD", 764), ("&@GKOQ±×−·÷≤≥≈", 778), ("#%m", 834), ("M", 917),
        ("W→←—…", 1028),
    )
    for letter in letters
}  # fmt: skip
WIDE = 800  # of a sign that is not listed


def width_of(text: str) -> float:
    """How wide a text is at 10 points, in points; signs that are not known count as wide ones.

    >>> width_of("98.63"), width_of("train %")
    (22.78, 32.86)
    """
    if not text.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return sum([_WIDTHS.get(sign, WIDE) for sign in text]) / 100


def plain(text: str) -> str:
    """A text of signs that pdfLaTeX has, in one line.

    >>> plain("naïve  Жук №1"), plain("é"), plain("犬")
    ('naïve Zhuk No1', 'é', 'Quan')
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_settable(sign) for sign in unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def is_plain(text: str) -> bool:
    """Whether a text keeps all of its signs; spaces and line breaks do not count."""
    return plain(text) == " ".join(unicodedata.normalize("NFC", text).split())


@cache
def _settable(sign: str) -> str:
    if sign in LATEX or (sign.isprintable() and ord(sign) <= LAST_LATIN and sign not in NOT_SET):
        return sign
    category = unicodedata.category(sign)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if category in ("Cf", "Mn", "Me", "Mc"):
        return ""
    from anyascii import anyascii

    found = "" if category in ("Cs", "Co", "Cn") else anyascii(sign).strip()
    return found or f"U+{ord(sign):04X}"


def transcriptions(texts: Iterable[str]) -> dict[str, str]:
    """word -> how it is written, of the words that hold signs which pdfLaTeX has not."""
    words = dict.fromkeys(word for text in texts for word in text.split())
    return {word: plain(word) for word in words if not is_plain(word)}


def escape_latex(text: str) -> str:
    r"""Text as LaTeX sets it.

    >>> print(escape_latex("50% of x_1 & [512, 256]"))
    50\% of x\_1 \& {[}512, 256{]}
    """
    found = plain(text).replace("--", "-\0-").replace(",,", ",\0,").translate(_ESCAPES)
    return found.replace("\0", "{}")  # no ligatures: a user's -- is no dash


def breakable(text: str, width: float = 100.0) -> str:
    r"""Escaped text; words that are wider than `width`, in points, may be broken anywhere.

    >>> breakable("a" * 25)
    'aaaaaaaa\\hspace{0pt}aaaaaaaa\\hspace{0pt}aaaaaaaa\\hspace{0pt}a'
    """
    words = []
    for word in cut_words(plain(text)):
        parts = [word[i : i + 8] for i in range(0, len(word), 8)] if width_of(word) > width else [word]
        if width < 60 and len(parts) > 1:
            parts = [word[i : i + 3] for i in range(0, len(word), 3)]
        words.append(r"\hspace{0pt}".join(map(escape_latex, parts)))
    return " ".join(words)


def cut_words(text: str) -> list[str]:
    """The words of a text, those of more than a line cut."""
    return [word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…" for word in text.split()]


def cell_text(text: str) -> str:
    """A cell's text, shortened where it is very long."""
    text = plain(text[: 4 * LONGEST])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
