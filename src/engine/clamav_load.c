#include "clamav_int.h"
#include "engine_clamav.h"
#include "signature_files.h"
#include "signature_kind.h"

#include "file.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Names to ignore count only for what is loaded after them. Hashes are the image's, bytecode is not run. */
static int rank(void *arg, const char *name)
{
	const struct signature_kind *kind = signature_kind_of(name);

	(void)arg;
	return !kind ? -1 : kind->use == SIGNATURE_IGNORE ? 0 : kind->use == SIGNATURE_BODY ? 1 : -1;
}

enum { DB_OPTIONS = CL_DB_PHISHING | CL_DB_PHISHING_URLS };

static int set_up(struct cl_engine *engine, const struct scan_limits *l)
{
	const struct {
		enum cl_engine_field field;
		long long value;
	} settings[] = {
	    {CL_ENGINE_MAX_FILESIZE, l->max_file_bytes},
	    {CL_ENGINE_MAX_SCANSIZE, l->max_expanded_bytes},
	    {CL_ENGINE_MAX_FILES, l->max_files},
	    {CL_ENGINE_MAX_RECURSION, l->max_depth},
	    {CL_ENGINE_MAX_SCANTIME, l->max_ms},
	    /* Its cache knows contents by MD5: two that collide would be one to it. */
	    {CL_ENGINE_DISABLE_CACHE, 1},
	    {CL_ENGINE_DISABLE_PE_STATS, 1},
	    {CL_ENGINE_BYTECODE_SECURITY, CL_BYTECODE_TRUST_SIGNED},
	};
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (cl_engine_set_num(engine, settings[i].field, settings[i].value) != CL_SUCCESS)
			return -EINVAL;
	return 0;
}

/* libclamav takes signatures only by a path that has their extension. */
static int write_marker(const struct clamav *s, const char *path)
{
	char hex[2 * CLAMAV_MARKER + 1], line[128];

	hex_encode(hex, s->marker, CLAMAV_MARKER);
	int n = snprintf(line, sizeof line, ENGINE_PLANTED ":0:*:%s\n", hex);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = file_write_all(fd, line, (size_t)n);
	close(fd);
	return r;
}

static int pack_marker(struct clamav *s)
{
	z_stream z = {
	    .next_in = s->marker, .avail_in = CLAMAV_MARKER, .next_out = s->planted, .avail_out = sizeof s->planted};

	/* Fixed codes and 16 more for a gzip head: the marker itself does not stand in it. */
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_FIXED) != Z_OK)
		return -ENOMEM;
	int r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
	s->planted_n = sizeof s->planted - z.avail_out;
	deflateEnd(&z);
	return r;
}

static int plant(struct clamav *s, struct err *e)
{
	char folder[] = "/tmp/khien-scan-XXXXXX", path[sizeof folder + 16];
	unsigned n = 0;

	rnd_bytes(s->marker, sizeof s->marker);
	if (pack_marker(s) < 0)
		return err_set(e, -ENOMEM, "the planted content could not be made");
	if (!mkdtemp(folder))
		return err_set(e, -errno, "no temporary folder for the planted signature: %s", strerror(errno));
	snprintf(path, sizeof path, "%s/planted.ndb", folder);
	int r = write_marker(s, path);
	if (r == 0 && cl_load(path, s->engine, &n, DB_OPTIONS) != CL_SUCCESS)
		r = -EIO;
	unlink(path);
	rmdir(folder);
	return r < 0 ? err_set(e, r, "the planted signature could not be loaded: %s", strerror(-r)) : 0;
}

/* 0, or -EILSEQ when the file is refused: then the engine is half filled and must be made anew without it. */
static int load_file(
    struct clamav *s, const struct signature_files *f, size_t i, const struct engine_load *l, unsigned *n)
{
	struct clamav_messages m;
	char path[64 + 256], file[8 + 256];

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", f->folder, f->files[i].name);
	clamav_messages_watch(&m);
	cl_error_t k = cl_load(path, s->engine, n, DB_OPTIONS);
	clamav_messages_watch(NULL);
	if (k == CL_SUCCESS)
		return 0;
	snprintf(file, sizeof file, "body/%s", f->files[i].name);
	l->problem(l->problem_arg, engine_clamav.name, file, m.line, m.first[0] ? m.first : cl_strerror(k));
	return -EILSEQ;
}

/* One attempt with all files that are left. */
static int fill(struct clamav *s, struct signature_files *f, const struct engine_load *l, size_t *ret_n, struct err *e)
{
	unsigned n = 0;

	s->engine = cl_engine_new();
	if (!s->engine || set_up(s->engine, l->limits) < 0)
		return err_set(e, -ENOMEM, "libclamav makes no engine");
	int r = plant(s, e);
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		r = load_file(s, f, i, l, &n);
		if (r == -EILSEQ)
			signature_files_drop(f, i);
	}
	if (r == 0 && cl_engine_compile(s->engine) != CL_SUCCESS)
		r = err_set(e, -EINVAL, "libclamav does not compile its signatures");
	*ret_n = n;
	return r;
}

int clamav_load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	static bool ready;
	struct signature_files files;
	struct clamav *s = calloc(1, sizeof *s);
	int r;

	if (!s)
		return -ENOMEM;
	clamav_messages_init();
	if (!ready && cl_init(CL_INIT_DEFAULT) != CL_SUCCESS) {
		free(s);
		return err_set(e, -EIO, "libclamav does not start");
	}
	ready = true;
	r = signature_files_list(&files, l->signatures, "body", rank, NULL, e);
	while (r == 0 && (r = fill(s, &files, l, ret_signatures, e)) == -EILSEQ) {
		cl_engine_free(s->engine);
		s->engine = NULL;
		r = 0;
	}
	signature_files_release(&files);
	if (r < 0) {
		clamav_unload(s);
		return r;
	}
	*ret_state = s;
	return 0;
}

void clamav_unload(void *state)
{
	struct clamav *s = state;
	if (!s)
		return;
	if (s->engine)
		cl_engine_free(s->engine);
	free(s);
}
