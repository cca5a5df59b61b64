r"""Letters in LaTeX: written so that LaTeX sets them as they are, how wide they are, and where words may break."""

LONGEST = 160  # letters of a cell; the CSV has all of them
LATIN = 0x17F  # letters up to here every LaTeX knows

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
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "{''}",
    "±": r"$\pm$",
    "×": r"$\times$",
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
    "←": r"$\leftarrow$",
    "→": r"$\rightarrow$",
    "√": r"$\surd$",
    "Σ": r"$\Sigma$",
    "Δ": r"$\Delta$",
    "∂": r"$\partial$",
    "∞": r"$\infty$",
    "½": r"$\frac{1}{2}$",
    "²": r"$^{2}$",
    "λ": r"$\lambda$",
    "σ": r"$\sigma$",
    "μ": r"$\mu$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "ε": r"$\varepsilon$",
    "η": r"$\eta$",
    "τ": r"$\tau$",
}

# widths of Computer Modern (cmr10) in tenths of a point
_WIDTHS = {
    **dict.fromkeys(" .,;:'il|!", 30),
    **dict.fromkeys("fjrst()[]I-", 40),
    **dict.fromkeys("0123456789aegoczJ/?", 50),
    **dict.fromkeys("bdhknpquvxy‡†", 56),
    **dict.fromkeys("mwM%W&@", 95),
}


def width_of(text: str) -> float:
    """How wide a text is at 10 points, about; signs that are not known count as wide ones.

    >>> width_of("98.63"), width_of("train %")
    (23.0, 34.1)
    """
    tenths = sum(_WIDTHS.get(letter, 78 if letter in LATEX or ord(letter) <= LATIN else 380) for letter in text)
    return tenths / 10


def breakable(text: str) -> str:
    r"""Escaped text whose long words may be broken anywhere.

    >>> breakable("a" * 25)
    'aaaaaaaaaa\\hspace{0pt}aaaaaaaaaa\\hspace{0pt}aaaaa'
    """
    words = []
    for word in cut_words(text):
        step = 10 if len(word) > 20 else len(word) or 1
        words.append(r"\hspace{0pt}".join(escape_latex(word[i : i + step]) for i in range(0, len(word), step)))
    return " ".join(words)


def cut_words(text: str) -> list[str]:
    """The words of a text, those of more than a line cut."""
    return [word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…" for word in text.split()]


def escape_latex(text: str) -> str:
    r"""Text that LaTeX sets as it is; letters of other alphabets are left to the document's fonts.

    >>> print(escape_latex("50% of x_1 & [512, 256]"))
    50\% of x\_1 \& {[}512, 256{]}
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(LATEX.get(letter, letter) for letter in " ".join(printable.split()))


def cut(text: str) -> str:
    """A cell's text, shortened where it is very long."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
