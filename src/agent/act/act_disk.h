/* What quarantine does to disks. Production has one (act_disk_system); tests have one that is killed, or refuses, at
 * any step. Reading is done directly. All return 0 or a negative errno; folders and files are descriptors. */
#ifndef ACT_DISK_H
#define ACT_DISK_H

#include "attributes.h"

#include <stddef.h>
#include <stdint.h>

struct act_disk {
	void *context;
	int (*create)(void *context, int folder, const char *name, int *ret_file); /* 0600; -EEXIST */
	int (*nameless)(void *context, int folder, int *ret_file);                 /* -EOPNOTSUPP: cannot be had here */
	int (*write)(void *context, int file, const void *p, size_t n, int64_t at);
	int (*cut)(void *context, int file, int64_t size);
	int (*dress)(void *context, int file, const struct attributes *a, bool may_leave_out, const char **ret_missing);
	int (*sync)(void *context, int file_or_folder);
	int (*name)(
	    void *context, int file, int folder, const char *name); /* gives a nameless file its name; -EEXIST */
	int (*rename)(void *context, int folder, const char *from, const char *to); /* -EEXIST: never over anything */
	int (*remove)(void *context, int folder, const char *name);
	int (*flags)(void *context, int file, uint32_t flags); /* FS_IMMUTABLE_FL, FS_APPEND_FL */
	int (*replace)(void *context, int folder, const char *name, const void *p, size_t n); /* file_replace */
};

extern const struct act_disk act_disk_system;

#endif
