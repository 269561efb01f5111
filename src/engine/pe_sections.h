/* The sections of a PE file, as ClamAV's .mdb/.msb signatures mean them: the raw bytes of one section, by digest. */
#ifndef PE_SECTIONS_H
#define PE_SECTIONS_H

#include "content.h"
#include "image.h"

enum { MAX_PE_SECTIONS = 96 }; /* Windows loads no more; libclamav reads no more */

struct pe_section {
	int64_t at, size; /* inside the content; size > 0 */
};

/* How many sections with bytes there are; 0 when it is no PE file, or one that nothing would load. Below 0: unreadable.
 */
int pe_sections_read(const struct scan_content *c, struct pe_section ret[MAX_PE_SECTIONS]);

/* 1 and its name when a section is in the image's deny list. */
int pe_sections_denied(const struct image *i, const struct scan_content *c, char ret_name[MAX_SIGNATURE_NAME + 1]);

#endif
