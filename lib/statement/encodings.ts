import { asciiLowerCase } from './option-arguments.ts'

/** Encodings by PostgreSQL's names, after {@link normalizeEncodingName}, and those of UTF-16, which PostgreSQL does not have. */
const names: Readonly<Record<string, string>> = {
  UTF8: 'utf8 unicode',
  UTF16: 'utf16',
  UTF16LE: 'utf16le',
  UTF16BE: 'utf16be',
  LATIN1: 'latin1 iso88591',
  LATIN2: 'latin2 iso88592',
  LATIN3: 'latin3 iso88593',
  LATIN4: 'latin4 iso88594',
  LATIN5: 'latin5 iso88599',
  LATIN6: 'latin6 iso885910',
  LATIN7: 'latin7 iso885913',
  LATIN8: 'latin8 iso885914',
  LATIN9: 'latin9 iso885915',
  LATIN10: 'latin10 iso885916',
  ISO_8859_5: 'iso88595',
  ISO_8859_6: 'iso88596',
  ISO_8859_7: 'iso88597',
  ISO_8859_8: 'iso88598',
  WIN1250: 'win1250 windows1250',
  WIN1251: 'win1251 windows1251 win',
  WIN1252: 'win1252 windows1252',
  WIN1253: 'win1253 windows1253',
  WIN1254: 'win1254 windows1254',
  WIN1255: 'win1255 windows1255',
  WIN1256: 'win1256 windows1256',
  WIN1257: 'win1257 windows1257',
  WIN1258: 'win1258 windows1258 abc tcvn tcvn5712 vscii',
  WIN866: 'win866 windows866 alt',
  WIN874: 'win874 windows874',
  KOI8R: 'koi8r koi8',
  KOI8U: 'koi8u',
  GBK: 'gbk win936 windows936',
  GB18030: 'gb18030',
  EUC_CN: 'euccn',
  BIG5: 'big5 win950 windows950',
  SJIS: 'sjis shiftjis mskanji win932 windows932',
  EUC_JP: 'eucjp',
  EUC_KR: 'euckr',
  UHC: 'uhc win949 windows949',
}

const supported: ReadonlyMap<string, string> = new Map(
  Object.entries(names).flatMap(([name, spellings]) => spellings.split(' ').map((spelling) => [spelling, name])),
)

/** The encodings that PostgreSQL knows and this version does not, after {@link normalizeEncodingName}. */
const unsupported: ReadonlySet<string> = new Set('eucjis2004 euctw johab muleinternal shiftjis2004 sqlascii'.split(' '))

/** Those that an input may be in, by name. */
export const encodingNames: readonly string[] = Object.keys(names)

/** Every spelling of PostgreSQL's. */
export const encodingSpellings: readonly string[] = [
  ...[...supported.keys()].filter((spelling) => !spelling.startsWith('utf16')),
  ...unsupported,
]

/** PostgreSQL looks at letters and digits only, in lower case: `UTF-8` is `utf8`. */
function normalizeEncodingName(name: string): string {
  return asciiLowerCase(name.replace(/[^A-Za-z0-9]+/g, ''))
}

/** Which encoding a spelling means: one of {@link encodingNames}, `other` for another one that PostgreSQL knows, or none. */
export function findEncoding(spelling: string): string | undefined {
  // An encoding's name has fewer than 64 bytes, whatever it would be without its punctuation.
  if (spelling.length >= 64) return undefined
  const normalized = normalizeEncodingName(spelling)
  return supported.get(normalized) ?? (unsupported.has(normalized) ? 'other' : undefined)
}
