/* Vietnamese (any Unicode) text: one form for storing, one for searching, one for sorting. Over utf8proc. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* What is longer is no name, title or note: -ENAMETOOLONG before any work. */
enum { TEXT_MAX_SOURCE = 65536 };

/* All return 0, -EILSEQ (not UTF-8), -ENAMETOOLONG (does not fit dst), -ENOMEM. dst ends in NUL and is "" on failure.
 */

/* NFC, white space at both ends removed. The form in which text is stored. -EINVAL: control characters, line and
 * paragraph separators, and the marks that turn the direction of writing (they would let one name look like another).
 */
int text_nfc(char *dst, size_t size, const char *src);

/* For search and for naming: case folded, diacritics gone, "đ" as "d": "Sở Nội vụ" -> "so noi vu". At most four times
 * as long as its source. */
int text_fold(char *dst, size_t size, const char *src);

/* For sorting: compares bytewise in Vietnamese order. First the letters (a ă â … d đ … e ê … o ô ơ … u ư), then the
 * tones (none, huyền, hỏi, ngã, sắc, nặng), then the text itself, so that only equal texts have equal keys. */
int text_sort_key(char *dst, size_t size, const char *src);

/* For names that machines give themselves, which cannot be refused: bytes that are no UTF-8 and what text_nfc refuses
 * are written as \xNN, what does not fit is cut between two characters. */
void text_nfc_any(char *dst, size_t size, const char *src);

/* Columns on a terminal; bytes that are no UTF-8 count one each. */
size_t text_width(const char *s);

#endif
