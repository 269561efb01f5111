/* The signatures of this computer: offline, as whoever may write their folder, which is root. */
#include "cli_api.h"
#include "clock.h"
#include "control.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "day.h"
#include "generation.h"
#include "image.h"
#include "manifest.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SCANNER_USER "khien-scan" /* what root's trial becomes, where there is such a user */
enum { AGENT_MS = 900000 };       /* body signatures of millions on a slow disk */

#define FOLDER_OPTION                                                                                                  \
	{                                                                                                              \
		"folder", NULL, VALUE_TEXT, 0, "/var/lib/khien/signatures",                                            \
		    P("thư mục mẫu", "the folder of signatures")                                                       \
	}

static const struct option_row load_options[] = {
    FOLDER_OPTION,
    {"scanner", NULL, VALUE_TEXT, 0, "/usr/libexec/khien/khien-scan",
        P("chương trình thử mẫu trước khi dùng", "the program that tries them before they are used")},
    {"untried", NULL, VALUE_FLAG, 0, NULL, P("không thử", "they are not tried")},
    {"PATH", NULL, VALUE_LIST, OPTION_WORD | OPTION_NEEDED | OPTION_REST, NULL,
        P("tệp hoặc thư mục mẫu", "files of signatures, or folders of them")},
    END_OPTIONS,
};

static void note(void *arg, const char *path, const char *why)
{
	const struct cli *c = arg;
	fprintf(stderr, SAY(c, "khien: bỏ qua %s: %s\n", "khien: left out: %s: %s\n"), path, why);
}

/* khien-scan loads them as it would for real, in a process of its own, and tells on its own what is wrong. */
static int check(void *arg, int folder, const char *name, struct err *e)
{
	const struct cli *c = arg;
	char path[64];
	bool become = geteuid() == 0 && getpwnam(SCANNER_USER);
	char *const argv[] = {
	    (char *)cli_value(c, "scanner"), "--check", path, become ? "--user" : NULL, SCANNER_USER, NULL};
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY), status;
	pid_t pid;
	if (fd < 0)
		return err_set(e, -errno, "%s: %s", name, strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* not O_CLOEXEC: it goes along */
	int r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	close(fd);
	if (r)
		return err_set(e, -r, "%s: %s", argv[0], strerror(r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "%s: %s", argv[0], strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(
		    e, -EINVAL, SAY(c, "%s không nhận các mẫu này", "%s does not take these signatures"), argv[0]);
	return 0;
}

static enum cli_exit open_folder(const struct cli *c, bool make, int *ret)
{
	const char *path = cli_value(c, "folder");
	if (make && mkdir(path, 0755) < 0 && errno != EEXIST)
		return cli_fail(c, errno == EACCES ? CLI_DENIED : CLI_FAILED, "%s: %s", path, strerror(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail(c, errno == EACCES ? CLI_DENIED : CLI_NOT_FOUND, "%s: %s", path, strerror(errno));
	*ret = fd;
	return CLI_OK;
}

/* A generation that is on the disk is in force once khien-scan has it; an agent that does not run takes it when it
 * starts. */
static enum cli_exit tell_agent(struct cli *c)
{
	const char *path = api_agent_socket(c);
	struct control *agent = NULL;
	struct err e = {0};
	if (!path)
		return CLI_USAGE;
	int r = control_open(path, &agent, &e);
	if (r == -ENOENT || r == -ECONNREFUSED) {
		puts(SAY(c, "Không có khien-agent nào đang chạy; nó sẽ nhận khi khởi động.",
		    "No khien-agent runs; it takes them when it starts."));
		return CLI_OK;
	}
	if (!r)
		r = control_signatures(agent, AGENT_MS, &e);
	control_free(agent);
	if (r)
		return cli_fail(c,
		    r == -EACCES                     ? CLI_DENIED
		    : r == -EPIPE || r == -ETIMEDOUT ? CLI_UNREACHABLE
		                                     : CLI_FAILED,
		    "%s: %s", path, e.text[0] ? e.text : strerror(-r));
	puts(SAY(c, "Đã có hiệu lực.", "They are in force."));
	return CLI_OK;
}

static enum cli_exit load(struct cli *c)
{
	struct generation_load l = {.paths = c->rest,
	    .n_paths = c->n_rest,
	    .today = day_of(clock_real_us()),
	    .note = note,
	    .check = cli_flag(c, "untried") ? NULL : check,
	    .arg = c};
	struct generation g;
	struct err e = {0};
	char day[DAY_TEXT];
	enum cli_exit r = open_folder(c, true, &l.folder);
	if (r)
		return r;
	int failed = generation_load(&l, &g, &e);
	close(l.folder);
	if (failed)
		return cli_fail(c, failed == -EACCES ? CLI_DENIED : CLI_FAILED, "%s", e.text);
	day_iso(g.day, day);
	printf(
	    SAY(c, "Thế hệ mẫu %" PRId64 ", ngày %s: %" PRIu64 " giá trị băm, %zu tệp cho libclamav, %zu tệp YARA.\n",
	        "Generation %" PRId64 ", day %s: %" PRIu64 " digests, %zu files for libclamav, %zu of YARA.\n"),
	    g.number, day, g.entries, g.body_files, g.yara_files);
	return tell_agent(c);
}

static const struct option_row show_options[] = {
    FOLDER_OPTION,
    {"DIGEST", NULL, VALUE_LIST, OPTION_WORD | OPTION_REST, NULL,
        P("MD5, SHA-1 hoặc SHA-256 để tra", "MD5, SHA-1 or SHA-256 to look up")},
    END_OPTIONS,
};

static const char *const list_names[IMAGE_LIST_COUNT] = {[IMAGE_DENY] = "deny", [IMAGE_ALLOW] = "allow"};

static void show_counts(const struct cli *c, const struct image *i, const struct manifest *m)
{
	char day[DAY_TEXT];
	day_iso(m->day, day);
	printf(SAY(c, "Thế hệ %" PRId64 ", ngày %s\n", "Generation %" PRId64 ", day %s\n"), m->generation, day);
	for (int list = 0; list < IMAGE_LIST_COUNT; list++)
		for (int kind = 0; kind < IMAGE_DIGEST_COUNT; kind++) {
			uint64_t n = image_count(i, (enum image_list)list, (enum image_digest)kind);
			if (n)
				printf("%-5s  %-9s  %12" PRIu64 "\n", list_names[list],
				    image_digest_name((enum image_digest)kind), n);
		}
	for (size_t f = 0; f < m->n; f++)
		printf("%12" PRId64 "  %s\n", m->files[f].size, m->files[f].name);
}

/* Prints each entry of one digest; CLI_NOT_FOUND when there is none. */
static enum cli_exit look_up(const struct cli *c, const struct image *i, const char *text)
{
	uint8_t digest[32];
	struct image_find f;
	enum cli_exit r = CLI_NOT_FOUND;
	bool known_length = false;
	for (int kind = 0; kind < IMAGE_DIGEST_COUNT; kind++) {
		size_t n = image_digest_bytes((enum image_digest)kind);
		if (strlen(text) != 2 * n || hex_decode(digest, n, text) < 0)
			continue;
		known_length = true;
		for (int list = 0; list < IMAGE_LIST_COUNT; list++) {
			if (!image_find(i, (enum image_list)list, (enum image_digest)kind, digest, IMAGE_ANY_SIZE, &f))
				continue;
			printf("%s  %s  %s  ", text, list_names[list], image_digest_name((enum image_digest)kind));
			if (f.size == IMAGE_ANY_SIZE)
				printf("*  %s\n", f.name);
			else
				printf("%" PRId64 "  %s\n", f.size, f.name);
			r = CLI_OK;
		}
	}
	if (!known_length)
		return cli_fail(c, CLI_USAGE,
		    SAY(c, "%s: không phải MD5, SHA-1 hay SHA-256", "%s: no MD5, SHA-1 or SHA-256"), text);
	if (r == CLI_NOT_FOUND)
		printf("%s  -\n", text);
	return r;
}

static int open_image(int folder, struct image **ret, struct err *e)
{
	int fd = openat(folder, "image", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : image_open(fd, ret);
	if (fd >= 0)
		close(fd);
	return r < 0 ? err_set(e, r, "image: %s", strerror(-r)) : 0;
}

static enum cli_exit show_generation(struct cli *c, int folder)
{
	struct manifest m = {0};
	struct image *i = NULL;
	struct err e = {0};
	enum cli_exit r = CLI_OK;
	if (manifest_read(&m, folder, &e) < 0 || open_image(folder, &i, &e) < 0)
		r = cli_fail(c, CLI_FAILED, "%s", e.text);
	else if (c->n_rest == 0) {
		show_counts(c, i, &m);
		if (manifest_check(&m, folder, &e) < 0)
			r = cli_fail(c, CLI_FAILED, "%s", e.text);
	}
	for (size_t k = 0; i && k < c->n_rest; k++) {
		enum cli_exit one = look_up(c, i, c->rest[k]);
		r = one ? one : r;
	}
	image_close(i);
	manifest_release(&m);
	return r;
}

static enum cli_exit show(struct cli *c)
{
	int signatures;
	enum cli_exit r = open_folder(c, false, &signatures);
	if (r)
		return r;
	int folder = openat(signatures, "current", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0)
		r = show_generation(c, folder);
	else
		r = cli_fail(c, CLI_NOT_FOUND, "%s",
		    SAY(c, "máy này chưa có mẫu; xem: khien help signatures load",
		        "there are no signatures on this computer; see: khien help signatures load"));
	if (folder >= 0)
		close(folder);
	close(signatures);
	return r;
}

const struct command signature_commands[] = {
    {"signatures load",
        P("đưa mẫu vào máy này: dựng, thử, rồi dùng", "signatures for this computer: made, tried, then used"),
        load_options, NULL, load},
    {"signatures show", P("mẫu đang dùng; hoặc tra một giá trị băm", "those in force; or what they say of a digest"),
        show_options, NULL, show},
    END_COMMANDS,
};
