/* Ends processes that run from an infected file. */
#ifndef STOP_PROCESSES_H
#define STOP_PROCESSES_H

#include <stdbool.h>
#include <sys/stat.h>

struct stop_result {
	int stopped; /* got SIGKILL and are gone */
	int spared;  /* run from it but are pid 1 or our own */
	int failed;  /* could not be signalled, or are not gone after a second */
};

/* All processes whose executable is this very file (device and inode), also when it has no name any more. Nobody else
 * can be hit: a process is held by its pidfd while its executable is looked at again. Never process 1, and never our
 * own programs. -ENOSYS: no pidfd, -ENOENT: no /proc. */
int stop_processes(const struct stat *file, struct stop_result *ret);

/* The file is one of the programs of this installation (those beside the running one). */
bool act_is_own_program(const struct stat *file);

#endif
