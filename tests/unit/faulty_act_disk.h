/* A disk that does everything as the system's does, until step `at`: there it refuses with an error, or the process is
 * killed, before that step or in the middle of it (half of a write). */
#ifndef FAULTY_ACT_DISK_H
#define FAULTY_ACT_DISK_H

#include "act_disk.h"

#include <stdbool.h>

enum fault_kind { FAULT_NONE, FAULT_ERROR, FAULT_KILL, FAULT_KILL_MIDWAY };

struct faulty_act_disk {
	struct act_disk disk; /* its context is this struct */
	enum fault_kind kind;
	int at;         /* 1: the first step */
	int error;      /* FAULT_ERROR: the negative errno */
	bool lasting;   /* FAULT_ERROR: and all steps after it */
	int steps;      /* so far */
	char log[4096]; /* a letter a step: c n w t d s l r u f p (create nameless write cut dress sync name rename
	                   remove flags replace) */
};

void faulty_act_disk_make(struct faulty_act_disk *f, enum fault_kind kind, int at, int error);

#endif
