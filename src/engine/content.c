#include "content.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { KEEP_MEMORY = 1 << 20, MEMORY_STEP = 64 << 10 };

/* Their files call themselves regular and are made up at each read: some wait for ever, some change the machine. */
static const long made_up[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC,
    SELINUX_MAGIC, SMACK_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, BPF_FS_MAGIC,
    EFIVARFS_MAGIC, PSTOREFS_MAGIC, NSFS_MAGIC, BINFMTFS_MAGIC, RDTGROUP_SUPER_MAGIC, 0x62656570 /* configfs */,
    0x0BAD1DEA /* futexfs */, 0x19800202 /* mqueue */, 0x65735543 /* fusectl */};

static bool is_made_up(int fd)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false; /* what it may be is told by reading it */
	for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++)
		if ((uint32_t)fs.f_type == (uint32_t)made_up[i])
			return true;
	return false;
}

void content_memory_release(struct content_memory *m)
{
	free(m->p);
	*m = (struct content_memory){0};
}

static int memory_for(struct content_memory *m, size_t n)
{
	if (n <= m->n && (m->n <= KEEP_MEMORY || n > KEEP_MEMORY))
		return 0;
	content_memory_release(m);
	size_t room = (n / MEMORY_STEP + 1) * MEMORY_STEP;
	m->p = malloc(room);
	if (!m->p)
		return -ENOMEM;
	m->n = room;
	return 0;
}

/* At most n bytes from `at` on; fewer only where the file ends. */
static int64_t read_fd(int fd, int64_t at, uint8_t *p, size_t n)
{
	size_t got = 0;
	while (got < n) {
		ssize_t k = pread(fd, p + got, n - got, at + (int64_t)got);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (int64_t)got;
}

static enum scan_reason read_whole(struct scan_content *c, struct content_memory *m)
{
	size_t n = (size_t)c->size;
	if (memory_for(m, n + 1) < 0)
		return SCAN_FAILED;
	int64_t got = read_fd(c->fd, 0, m->p, n + 1); /* one more byte: it may have grown */
	if (got < 0)
		return SCAN_UNREADABLE;
	if (got != c->size)
		return c->size == 0 ? SCAN_NOT_REGULAR : SCAN_CHANGED; /* bytes where there are none: made up */
	c->bytes = m->p;
	return SCAN_REASON_NONE;
}

static enum content_type type_of(const uint8_t *p, size_t n)
{
	static const struct {
		enum content_type type;
		size_t n;
		const char *magic;
	} magics[] = {
	    {CONTENT_PE, 2, "MZ"},
	    {CONTENT_ELF, 4, "\177ELF"},
	    {CONTENT_SCRIPT, 2, "#!"},
	    {CONTENT_OFFICE, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
	    {CONTENT_OFFICE, 5, "{\\rtf"},
	    {CONTENT_PDF, 5, "%PDF-"},
	    {CONTENT_ARCHIVE, 4, "PK\3\4"},
	    {CONTENT_ARCHIVE, 6, "7z\xbc\xaf\x27\x1c"},
	    {CONTENT_ARCHIVE, 4, "Rar!"},
	    {CONTENT_ARCHIVE, 2, "\x1f\x8b"},
	    {CONTENT_ARCHIVE, 3, "BZh"},
	    {CONTENT_ARCHIVE, 6,
	        "\xfd"
	        "7zXZ"},
	    {CONTENT_ARCHIVE, 4, "MSCF"},
	};
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (n >= magics[i].n && memcmp(p, magics[i].magic, magics[i].n) == 0)
			return magics[i].type;
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0 || (p[i] < ' ' && !strchr("\t\n\r\f\v\b\033", p[i])))
			return CONTENT_OTHER;
	return n ? CONTENT_TEXT : CONTENT_OTHER;
}

enum scan_reason content_open(struct scan_content *c, struct content_memory *m, int fd, int64_t max_bytes)
{
	uint8_t head[512];

	*c = (struct scan_content){.fd = fd};
	if (fstat(fd, &c->at_open) < 0)
		return SCAN_UNREADABLE;
	if (!S_ISREG(c->at_open.st_mode) || is_made_up(fd))
		return SCAN_NOT_REGULAR;
	c->size = c->at_open.st_size;
	if (c->size > max_bytes)
		return SCAN_TOO_BIG;
	if (c->size <= CONTENT_IN_MEMORY) {
		enum scan_reason reason = read_whole(c, m);
		if (reason)
			return reason;
	}
	int64_t n = content_read(c, 0, head, sizeof head);
	if (n < 0)
		return SCAN_UNREADABLE;
	c->type = type_of(head, (size_t)n);
	return SCAN_REASON_NONE;
}

void content_of_bytes(struct scan_content *c, const void *p, size_t n, uint32_t depth)
{
	*c = (struct scan_content){.fd = -1, .bytes = p, .size = (int64_t)n, .depth = depth};
	c->type = type_of(p, n < 512 ? n : 512);
}

int64_t content_read(const struct scan_content *c, int64_t at, void *p, size_t n)
{
	if (at < 0 || at >= c->size)
		return 0;
	if ((int64_t)n > c->size - at)
		n = (size_t)(c->size - at);
	if (!c->bytes)
		return read_fd(c->fd, at, p, n);
	memcpy(p, c->bytes + at, n);
	return (int64_t)n;
}

bool content_changed(const struct scan_content *c)
{
	struct stat now;
	if (c->fd < 0)
		return false;
	return fstat(c->fd, &now) < 0 || now.st_size != c->at_open.st_size ||
	       now.st_mtim.tv_sec != c->at_open.st_mtim.tv_sec || now.st_mtim.tv_nsec != c->at_open.st_mtim.tv_nsec;
}

const char *content_type_name(enum content_type t)
{
	static const char *const names[CONTENT_TYPE_COUNT] = {
	    [CONTENT_OTHER] = "",
	    [CONTENT_PE] = "pe",
	    [CONTENT_ELF] = "elf",
	    [CONTENT_SCRIPT] = "script",
	    [CONTENT_OFFICE] = "office",
	    [CONTENT_PDF] = "pdf",
	    [CONTENT_ARCHIVE] = "archive",
	    [CONTENT_TEXT] = "text",
	};
	return (unsigned)t < CONTENT_TYPE_COUNT ? names[t] : "";
}
