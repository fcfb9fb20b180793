"""Languages by code and by English name. Pure."""

from __future__ import annotations

import re
from difflib import get_close_matches

from rt_magic.exceptions import ConfigurationError

# ISO 639-1 with its English names, and the few three-letter codes that speech models know.
_LANGUAGES = """
aa Afar|ab Abkhazian|ae Avestan|af Afrikaans|ak Akan|am Amharic|an Aragonese|ar Arabic|as Assamese|av Avaric
ay Aymara|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bh Bihari|bi Bislama|bm Bambara|bn Bengali
bo Tibetan|br Breton|bs Bosnian|ca Catalan|ca Valencian|ce Chechen|ch Chamorro|co Corsican|cr Cree|cs Czech
cu Church Slavic|cv Chuvash|cy Welsh|da Danish|de German|dv Divehi|dz Dzongkha|ee Ewe|el Greek|en English
eo Esperanto|es Spanish|es Castilian|et Estonian|eu Basque|fa Persian|fa Farsi|ff Fulah|fi Finnish|fj Fijian
fo Faroese|fr French|fy Western Frisian|ga Irish|gd Scottish Gaelic|gl Galician|gn Guarani|gu Gujarati
gv Manx|ha Hausa|he Hebrew|hi Hindi|ho Hiri Motu|hr Croatian|ht Haitian|ht Haitian Creole|hu Hungarian
hy Armenian|hz Herero|ia Interlingua|id Indonesian|ie Interlingue|ig Igbo|ii Sichuan Yi|ik Inupiaq|io Ido
is Icelandic|it Italian|iu Inuktitut|ja Japanese|jv Javanese|ka Georgian|kg Kongo|ki Kikuyu|kj Kuanyama
kk Kazakh|kl Kalaallisut|kl Greenlandic|km Khmer|kn Kannada|ko Korean|kr Kanuri|ks Kashmiri|ku Kurdish
kv Komi|kw Cornish|ky Kyrgyz|la Latin|lb Luxembourgish|lg Ganda|li Limburgish|ln Lingala|lo Lao
lt Lithuanian|lu Luba-Katanga|lv Latvian|mg Malagasy|mh Marshallese|mi Maori|mk Macedonian|ml Malayalam
mn Mongolian|mr Marathi|ms Malay|mt Maltese|my Burmese|na Nauru|nb Norwegian Bokmål|nd North Ndebele
ne Nepali|ng Ndonga|nl Dutch|nl Flemish|nn Norwegian Nynorsk|no Norwegian|nr South Ndebele|nv Navajo
ny Chichewa|oc Occitan|oj Ojibwa|om Oromo|or Odia|os Ossetian|pa Punjabi|pi Pali|pl Polish|ps Pashto
pt Portuguese|qu Quechua|rm Romansh|rn Rundi|ro Romanian|ro Moldovan|ru Russian|rw Kinyarwanda|sa Sanskrit
sc Sardinian|sd Sindhi|se Northern Sami|sg Sango|si Sinhala|sk Slovak|sl Slovenian|sm Samoan|sn Shona
so Somali|sq Albanian|sr Serbian|ss Swati|st Southern Sotho|su Sundanese|sv Swedish|sw Swahili|ta Tamil
te Telugu|tg Tajik|th Thai|ti Tigrinya|tk Turkmen|tl Tagalog|tn Tswana|to Tongan|tr Turkish|ts Tsonga
tt Tatar|tw Twi|ty Tahitian|ug Uyghur|uk Ukrainian|ur Urdu|uz Uzbek|ve Venda|vi Vietnamese|vo Volapük
wa Walloon|wo Wolof|xh Xhosa|yi Yiddish|yo Yoruba|za Zhuang|zh Chinese|zh Mandarin|zu Zulu|ceb Cebuano
fil Filipino|haw Hawaiian|yue Cantonese
"""
_NAMED = {name: code for code, name in (row.split(" ", 1) for row in _LANGUAGES.strip().replace("\n", "|").split("|"))}
_BY_NAME = {name.casefold(): code for name, code in _NAMED.items()}
_CODES = frozenset(_NAMED.values())
_ENGLISH: dict[str, str] = {}
for _name, _code in _NAMED.items():
    _ENGLISH.setdefault(_code, _name)
_TAG = re.compile(r"([a-z]{2,3})((?:-[a-z0-9]{2,8})*)", re.IGNORECASE)


def language(text: str) -> str:
    """Return the code of a language named by ISO 639-1 (`fr`), BCP 47 (`fr-CA`) or in English (`French`).

    Raises `ConfigurationError` for an unknown one, with the nearest known.
    """
    wanted = text.strip()
    if (code := _BY_NAME.get(wanted.casefold())) is not None:
        return code
    tag = _TAG.fullmatch(wanted.replace("_", "-"))
    if tag and tag[1].lower() in _CODES:
        return tag[1].lower() + "".join("-" + _subtag(part) for part in tag[2].split("-")[1:])
    near = get_close_matches(wanted.casefold(), _BY_NAME, n=1, cutoff=0.7)
    hint = (
        f"did you mean {_ENGLISH[_BY_NAME[near[0]]]} ({_BY_NAME[near[0]]})?"
        if near
        else "write a code such as fr or fr-CA, or French"
    )
    raise ConfigurationError(f"unknown language {text!r}: {hint}")


def _subtag(part: str) -> str:
    return part.upper() if len(part) == 2 else part.title() if len(part) == 4 and part.isalpha() else part.lower()


def languages(text: str) -> tuple[str, ...]:
    """Return the codes of a comma-separated list of languages, without repeats; "auto" is none, to be detected.

    Raises `ConfigurationError` for what is no text, and for an unknown language.
    """
    if not isinstance(text, str):
        raise ConfigurationError(f"language={text!r} is no text: give one such as 'fr', or 'fr,en' for several")
    if text.strip().casefold() == "auto":
        return ()
    return tuple(dict.fromkeys(language(part) for part in text.split(",") if part.strip()))


def language_name(code: str) -> str:
    """Return the English name of a code, `French (CA)` for `fr-CA`; the code itself when it is unknown."""
    base, _, rest = code.partition("-")
    name = _ENGLISH.get(base.lower())
    return code if name is None else f"{name} ({rest})" if rest else name


def language_codes() -> tuple[str, ...]:
    """Return every known language code, sorted."""
    return tuple(sorted(_CODES))
