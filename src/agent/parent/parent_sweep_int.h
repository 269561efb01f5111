/* Between parent_sweep.c (which scans there are) and sweep_run.c (the processes that make them). */
#ifndef PARENT_SWEEP_INT_H
#define PARENT_SWEEP_INT_H

#include "parent_int.h"
#include "parent_sweep.h"

/* parent_sweep.c */
void sweeps_save(struct parent *p);
/* The job is over: first on the disk, then told, then forgotten. */
void sweep_job_end(struct parent *p, struct sweep_job *j, enum scan_end end, const char *why);

/* sweep_run.c */
int sweep_start(struct parent *p, enum scan_class class, struct sweep_job *j);
void sweep_stop(struct parent *p, struct sweep_run *run); /* asks it to end with what was done so far */
/* A sweep whose finds have no place yet is not heard further: its channel fills, and it waits. */
void sweep_readable(struct parent *p, struct sweep_run *run, enum scan_class class);

#endif
