/* What we read of a content ourselves: its kind, its digests, the sections of a PE file. */
#include "content.h"
#include "pe_sections.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pe_section sections[MAX_PE_SECTIONS];
	struct scan_content c;

	content_of_bytes(&c, p, n, 0);
	int k = pe_sections_read(&c, sections);
	for (int i = 0; i < k; i++)
		if (sections[i].at < 0 || sections[i].size <= 0 || sections[i].at + sections[i].size > (int64_t)n)
			__builtin_trap();
	if (content_digest(&c, SCAN_HAS_MD5) < 0 || c.digests != SCAN_HAS_MD5)
		__builtin_trap();
	return 0;
}
