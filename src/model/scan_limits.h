/* How much of a content is looked at. What goes beyond is told (SCAN_LIMITS, SCAN_TOO_BIG), never "clean". */
#ifndef SCAN_LIMITS_H
#define SCAN_LIMITS_H

#include <stdint.h>

struct scan_limits {
	int64_t max_file_bytes;     /* a content, outer or inner */
	int64_t max_expanded_bytes; /* all that comes out of one content */
	uint32_t max_files;         /* inner contents of one content */
	uint32_t max_depth;         /* containers in containers */
	uint32_t max_ms;            /* of one content; the pool's deadline lies above */
};

/* ClamAV's own defaults where it has them. */
#define SCAN_LIMITS_DEFAULT                                                                                            \
	{                                                                                                              \
		.max_file_bytes = 100 << 20, .max_expanded_bytes = 400 << 20, .max_files = 10000, .max_depth = 17,     \
		.max_ms = 120000                                                                                       \
	}

#endif
