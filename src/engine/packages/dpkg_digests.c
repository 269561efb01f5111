#include "dpkg_digests.h"

#include "dpkg_diversions.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PACKAGE_NAME = 200, MAX_ARCHITECTURE = 64, MD5_DIGITS = 2 * MD5_BYTES };

struct reading {
	int root;
	int (*fn)(void *arg, const struct package_file *f);
	void *arg;
	struct dpkg_diversions diversions;
	struct dpkg_counts counts;
	/* the package whose part of the status file is being read */
	char package[MAX_PACKAGE_NAME + 1], architecture[MAX_ARCHITECTURE + 1];
	bool installed, in_conffiles;
};

static FILE *open_text(int root, const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f && fd >= 0) {
		int e = errno;
		close(fd);
		errno = e;
	}
	return f;
}

/* Below the root, and nowhere else. */
static bool path_usable(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return false;
	}
	return path[0] && path[0] != '/' && strlen(path) < PATH_MAX;
}

static int tell(struct reading *r, const char *digest, const char *path)
{
	struct package_file f = {.package = r->package};
	char hex[MD5_DIGITS + 1];
	snprintf(hex, sizeof(hex), "%.*s", MD5_DIGITS, digest);
	path = dpkg_diverted(&r->diversions, r->package, path);
	if (hex_decode(f.md5, sizeof(f.md5), hex) < 0 || !path_usable(path)) {
		r->counts.malformed_lines++;
		return 0;
	}
	f.path = path;
	return r->fn(r->arg, &f);
}

/* "DIGEST  PATH" */
static int read_digest_line(struct reading *r, char *line)
{
	size_t n = strcspn(line, " ");
	const char *path = line + n + strspn(line + n, " ");
	if (n != MD5_DIGITS || path == line + n) {
		r->counts.malformed_lines++;
		return 0;
	}
	return tell(r, line, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

/* NAME.md5sums, or NAME:ARCHITECTURE.md5sums where several architectures can be installed together. */
static FILE *open_digests(const struct reading *r)
{
	char path[sizeof(DPKG_FOLDER) + MAX_PACKAGE_NAME + MAX_ARCHITECTURE + 32];
	snprintf(path, sizeof(path), DPKG_FOLDER "/info/%s:%s.md5sums", r->package, r->architecture);
	FILE *f = open_text(r->root, path);
	if (f || errno != ENOENT)
		return f;
	snprintf(path, sizeof(path), DPKG_FOLDER "/info/%s.md5sums", r->package);
	return open_text(r->root, path);
}

static int read_package(struct reading *r)
{
	char *line = NULL;
	size_t cap = 0;
	int result = 0;
	FILE *f = open_digests(r);
	r->counts.packages++;
	if (!f) {
		r->counts.without_digests++;
		return errno == ENOENT ? 0 : -errno;
	}
	while (result == 0 && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		result = read_digest_line(r, line);
	}
	if (result == 0 && ferror(f))
		result = -EIO;
	free(line);
	fclose(f);
	return result;
}

/* " /etc/name DIGEST", perhaps " obsolete" or the like: then the package has it no more. */
static int read_conffile(struct reading *r, char *line)
{
	char *path = line + 1, *digest = strrchr(path, ' ');
	if (!digest || strlen(digest + 1) != MD5_DIGITS || path[0] != '/')
		return 0;
	*digest++ = '\0';
	return tell(r, digest, path + 1);
}

/* The value of a field, if this is its line. */
static const char *value_of(const char *line, const char *field)
{
	size_t n = strlen(field);
	return strncmp(line, field, n) == 0 ? line + n + strspn(line + n, " ") : NULL;
}

static void take_name(char *dst, size_t size, const char *value)
{
	if (strchr(value, '/') || str_copy(dst, size, value) < 0)
		dst[0] = '\0';
}

/* Status stands before Architecture and Conffiles, as dpkg always writes it. */
static int read_status_line(struct reading *r, char *line)
{
	const char *value;
	if (line[0] == ' ' || line[0] == '\t')
		return r->in_conffiles && r->installed ? read_conffile(r, line) : 0;
	r->in_conffiles = strcmp(line, "Conffiles:") == 0;
	if ((value = value_of(line, "Package:")))
		take_name(r->package, sizeof(r->package), value);
	else if ((value = value_of(line, "Architecture:")))
		take_name(r->architecture, sizeof(r->architecture), value);
	else if ((value = value_of(line, "Status:"))) {
		const char *state = strrchr(value, ' ');
		r->installed = r->package[0] && state &&
		               (strcmp(state, " installed") == 0 || strcmp(state, " triggers-pending") == 0 ||
		                   strcmp(state, " triggers-awaited") == 0);
	}
	return 0;
}

/* The empty line behind a package: all of its fields are known. */
static int end_package(struct reading *r)
{
	int result = r->installed ? read_package(r) : 0;
	r->package[0] = r->architecture[0] = '\0';
	r->installed = r->in_conffiles = false;
	return result;
}

static int read_status(struct reading *r, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	int result = 0;
	while (result == 0 && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		result = line[0] ? read_status_line(r, line) : end_package(r);
	}
	if (result == 0)
		result = ferror(f) ? -EIO : end_package(r);
	free(line);
	return result;
}

int dpkg_digests_read(int root, int (*fn)(void *arg, const struct package_file *f), void *arg, struct dpkg_counts *ret)
{
	struct reading r = {.root = root, .fn = fn, .arg = arg};
	FILE *f = open_text(root, DPKG_STATUS);
	if (!f)
		return -errno;
	int result = dpkg_diversions_read(&r.diversions, root);
	if (result == 0)
		result = read_status(&r, f);
	dpkg_diversions_release(&r.diversions);
	fclose(f);
	if (result == 0)
		*ret = r.counts;
	return result;
}
