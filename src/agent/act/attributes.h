/* All that a file is beside its content and its name. */
#ifndef ATTRIBUTES_H
#define ATTRIBUTES_H

#include "buf.h"
#include "ipc.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Bytes of all extended attributes together. More are refused: file systems allow a file gigabytes of them. */
enum { MAX_ATTRIBUTE_BYTES = 1 << 20 };

struct attributes {
	uint32_t mode, uid, gid;
	uint32_t flags; /* FS_IMMUTABLE_FL and FS_APPEND_FL */
	struct timespec accessed, modified;
	struct buf extended; /* n × (bytes name with its NUL, bytes value): user.*, security.*, ACLs, … */
};

#define ATTRIBUTES_INIT ((struct attributes){.extended = BUF_INIT(MAX_ATTRIBUTE_BYTES)})
void attributes_release(struct attributes *a);

/* Of an open file. -E2BIG: too many extended ones. */
int attributes_read(int file, struct attributes *ret);

/* Makes the file have them, and no others that its new folder has given it. Flags are not set: a file with them takes
 * no name. What the file system cannot hold (an attribute, an owner) is named in *ret_missing, and refused unless it
 * may be left out: -ENOTSUP, -EPERM. */
int attributes_apply(int file, const struct attributes *a, bool may_leave_out, const char **ret_missing);

/* As fields of a container. */
void attributes_put(struct buf *m, const struct attributes *a);
void attributes_get(struct ipc_reader *r, struct attributes *ret); /* ret is initialised */

#endif
