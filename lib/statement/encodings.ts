import { asciiLowerCase } from './option-arguments.ts'

/** Spellings of UTF-8, after {@link normalizeEncodingName}. */
const utf8Names: ReadonlySet<string> = new Set(['utf8', 'unicode'])

/** The other encodings that PostgreSQL knows by name, after {@link normalizeEncodingName}. */
export const otherNames: ReadonlySet<string> = new Set(
  `abc alt big5 euccn eucjis2004 eucjp euckr euctw gb18030 gbk iso88591 iso885910 iso885913 iso885914 iso885915
  iso885916 iso88592 iso88593 iso88594 iso88595 iso88596 iso88597 iso88598 iso88599 johab koi8 koi8r koi8u latin1
  latin10 latin2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 mskanji muleinternal shiftjis shiftjis2004 sjis
  sqlascii tcvn tcvn5712 uhc vscii win win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258 win866
  win874 win932 win936 win949 win950 windows1250 windows1251 windows1252 windows1253 windows1254 windows1255
  windows1256 windows1257 windows1258 windows866 windows874 windows932 windows936 windows949 windows950`.split(/\s+/),
)

/** PostgreSQL looks at letters and digits only, in lower case: `UTF-8` is `utf8`. */
function normalizeEncodingName(name: string): string {
  return asciiLowerCase(name.replace(/[^A-Za-z0-9]+/g, ''))
}

/** Which encoding a name means: `UTF8`, another one that PostgreSQL knows, or none. */
export function findEncoding(name: string): 'UTF8' | 'other' | undefined {
  // An encoding's name has fewer than 64 bytes, whatever it would be without its punctuation.
  if (name.length >= 64) return undefined
  const normalized = normalizeEncodingName(name)
  if (utf8Names.has(normalized)) return 'UTF8'
  return otherNames.has(normalized) ? 'other' : undefined
}
