#include "faulty_vfs.h"

#include <pthread.h>
#include <sqlite3.h>

struct faulty_file {
	sqlite3_file base;
	bool log;
	sqlite3_file real[]; /* of the size that the real file system asks for */
};

static sqlite3_vfs *real_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool planned, lasting, struck;
	enum fault_call call;
	int n, rc;
	bool log_dirty;
} plan;

void faulty_vfs_plan(enum fault_call call, int n, int rc, bool lasting)
{
	pthread_mutex_lock(&lock);
	plan.planned = true;
	plan.lasting = lasting;
	plan.struck = false;
	plan.call = call;
	plan.n = n;
	plan.rc = rc;
	pthread_mutex_unlock(&lock);
}

bool faulty_vfs_struck(void)
{
	pthread_mutex_lock(&lock);
	bool struck = plan.struck;
	pthread_mutex_unlock(&lock);
	return struck;
}

void faulty_vfs_heal(void)
{
	pthread_mutex_lock(&lock);
	plan.planned = false;
	pthread_mutex_unlock(&lock);
}

bool faulty_vfs_log_synced(void)
{
	pthread_mutex_lock(&lock);
	bool synced = !plan.log_dirty;
	pthread_mutex_unlock(&lock);
	return synced;
}

/* What the plan says to this call: 0, or the error that it gives. */
static int fault(enum fault_call call)
{
	int rc = 0;
	pthread_mutex_lock(&lock);
	if (plan.planned && plan.call == call && plan.n-- <= 0) {
		rc = plan.rc;
		plan.struck = true;
		plan.planned = plan.lasting;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static void note_log(const struct faulty_file *f, bool dirty)
{
	pthread_mutex_lock(&lock);
	if (f->log)
		plan.log_dirty = dirty;
	pthread_mutex_unlock(&lock);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct faulty_file *)f)->real;
}

static int do_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int do_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int do_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = fault(FAULT_WRITE);
	if (rc) /* half of it arrives, as on a real disk */
		real_of(f)->pMethods->xWrite(real_of(f), p, n / 2, at);
	else
		rc = real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
	note_log((struct faulty_file *)f, true);
	return rc;
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = fault(FAULT_TRUNCATE);
	return rc ? rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
	int rc = fault(FAULT_SYNC);
	if (!rc)
		rc = real_of(f)->pMethods->xSync(real_of(f), flags);
	if (!rc)
		note_log((struct faulty_file *)f, false);
	return rc;
}

static int do_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int do_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int do_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int do_check_lock(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int do_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int do_device(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int do_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	int rc = fault(FAULT_SHM_MAP);
	return rc ? rc : real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, p);
}

static int do_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void do_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int do_shm_unmap(sqlite3_file *f, int delete)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_check_lock,
    .xFileControl = do_control,
    .xSectorSize = do_sector,
    .xDeviceCharacteristics = do_device,
    .xShmMap = do_shm_map,
    .xShmLock = do_shm_lock,
    .xShmBarrier = do_shm_barrier,
    .xShmUnmap = do_shm_unmap,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct faulty_file *file = (struct faulty_file *)f;
	(void)vfs;
	file->log = flags & SQLITE_OPEN_WAL;
	int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
	file->base.pMethods = rc || !file->real->pMethods ? NULL : &methods;
	return rc;
}

void faulty_vfs_register(void)
{
	static sqlite3_vfs vfs;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "faulty";
	vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	vfs.xOpen = do_open;
	sqlite3_vfs_register(&vfs, 1);
}
