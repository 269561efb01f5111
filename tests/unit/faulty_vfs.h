/* A file system for SQLite that fails when told to: the real one with a fault put in at the n-th call of a kind. It
 * also knows whether what was written to a log has been synced. */
#ifndef FAULTY_VFS_H
#define FAULTY_VFS_H

#include <stdbool.h>

enum fault_call { FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_SHM_MAP, FAULT_CALLS };

void faulty_vfs_register(void); /* as the default, before any connection */

/* The call after n more of its kind gives rc, and so do all later ones if `lasting`. */
void faulty_vfs_plan(enum fault_call call, int n, int rc, bool lasting);
bool faulty_vfs_struck(void); /* since the plan was made */
void faulty_vfs_heal(void);

bool faulty_vfs_log_synced(void); /* nothing was written to a write-ahead log since its last sync */

#endif
