"""Control words of RTF: what is left out, what is understood, which stand for a character."""

DROPPED = "dropped"
"""The destination of text in a group that is none of ours."""

LEFT_OUT = frozenset(
    """colortbl pict object objdata themedata colorschememapping latentstyles datastore listtable
    listoverridetable rsidtbl generator xmlnstbl fldinst header headerl headerr headerf footer footerl footerr
    footerf ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn revtbl filetbl pn pnseclvl bkmkstart bkmkend sp
    nonshppict nonesttables nesttableprops atnid atnauthor atntime atndate atnref atnicn template author
    operator company category manager comment keywords subject doccomm hlinkbase creatim revtim printim buptim
    xe tc txe rxe ffname ffdeftext ffformat formfield mmathPr wgrffmtfilter password passwordhash userprops
    docvar factoidname fonttype falt panose pnaldottext shprslt do""".split()
) | {DROPPED}
"""Destinations whose text is not the document's."""

UNDERSTOOD = {
    "fonttbl": "fonttbl",
    "stylesheet": "stylesheet",
    "info": "info",
    "title": "title",
    "listtext": "listtext",
    "pntext": "pntext",
    "footnote": "footnote",
    "annotation": "annotation",
    "shpinst": "",
    "shptxt": "",
    "shppict": DROPPED,
    "ud": "",
}

SYMBOLS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "zwnj": "\u200c",
    "zwj": "\u200d",
}

CODE_PAGES = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
"""The encoding that each character set of a font (`\\fcharset`) stands for."""
