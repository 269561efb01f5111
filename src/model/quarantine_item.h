/* What is in quarantine, as the computer's own people and the centre are told of it. Texts are owned by whoever owns
 * the struct (a message, a container that was read). */
#ifndef QUARANTINE_ITEM_H
#define QUARANTINE_ITEM_H

#include "event.h"
#include "ids.h"

#include <stdbool.h>
#include <stdint.h>

struct quarantine_item {
	id16 id;
	bool damaged; /* the container cannot be read: only id and stored_bytes are known */
	int64_t stored_bytes;
	int64_t taken_us;
	int64_t size; /* of the content */
	uint32_t mode, uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	int64_t links; /* names that the file had when it was taken, its own included: the others keep the content */
	struct detection detection; /* sha256 is always the content's; path: where it was */
};

#endif
