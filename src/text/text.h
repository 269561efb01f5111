/* Vietnamese (any Unicode) text: one form for storing, one for searching, one for sorting. Over utf8proc. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* All return 0, -EILSEQ (not UTF-8), -ENAMETOOLONG (does not fit dst), -ENOMEM. dst ends in NUL. */

/* NFC, control characters refused with -EINVAL, white space at both ends removed. The form in which text is stored. */
int text_nfc(char *dst, size_t size, const char *src);

/* For search and for naming: case folded, diacritics gone, "đ" as "d": "Sở Nội vụ" -> "so noi vu". */
int text_fold(char *dst, size_t size, const char *src);

/* For sorting: compares bytewise in Vietnamese order (a ă â … d đ …, then the tones), marks kept as the second and
 * third level behind the folded text. */
int text_sort_key(char *dst, size_t size, const char *src);

#endif
