#include "sandbox.h"

enum { JAIL_FILES = 64 }; /* an archive in an archive in … costs a few a level */

void sandbox_jail_plan(
    struct sandbox_plan *ret, const int *keep, size_t n_keep, uint64_t max_memory, uint64_t root_bytes)
{
	*ret = (struct sandbox_plan){.no_core = true,
	    .max_files = JAIL_FILES,
	    .max_file_bytes = root_bytes,
	    .max_memory = max_memory,
	    .no_processes = true,
	    .no_capabilities = true,
	    .close_others = true,
	    .keep = keep,
	    .n_keep = n_keep,
	    .namespaces = SANDBOX_NAMESPACES,
	    .root_bytes = root_bytes,
	    .landlock = true,
	    .seccomp = true,
	    .calls = SANDBOX_CALLS_JAIL};
}
