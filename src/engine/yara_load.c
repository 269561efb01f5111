#include "engine_yara.h"
#include "yara_int.h"
#include "signature_files.h"

#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const text_extensions[] = {"yar", "yara", NULL};
static const char *const compiled_extensions[] = {"yarc", NULL};

/* One folder of rules under way. */
struct loading {
	const struct engine_load *l;
	struct yara *state;
	enum content_type type;
	const char *folder; /* "yara", "yara/pe" */
	const char *file;   /* the one that is being compiled */
	size_t rules;
};

static void tell(const struct loading *g, int line, const char *text)
{
	char file[64 + 256];
	snprintf(file, sizeof file, "%s/%s", g->folder, g->file);
	g->l->problem(g->l->problem_arg, engine_yara.name, file, line, text);
}

/* Warnings (slow rules and the like) are for those who write rules. */
static void hear(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *arg)
{
	(void)file, (void)rule;
	if (level == YARA_ERROR_LEVEL_ERROR)
		tell(arg, line, message);
}

/* What rules of other programs expect to be defined. In the jail nobody knows a file's name. */
static int define_externals(YR_COMPILER *c)
{
	static const char *const texts[] = {"filename", "filepath", "extension", "filetype", "owner"};
	int r = ERROR_SUCCESS;

	for (size_t i = 0; r == ERROR_SUCCESS && i < sizeof texts / sizeof *texts; i++)
		r = yr_compiler_define_string_variable(c, texts[i], "");
	if (r == ERROR_SUCCESS)
		r = yr_compiler_define_integer_variable(c, "depth", 0);
	return r;
}

static YR_COMPILER *new_compiler(struct loading *g)
{
	YR_COMPILER *c;
	if (yr_compiler_create(&c) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(c, hear, g);
	yr_compiler_set_include_callback(c, NULL, NULL, NULL);
	if (define_externals(c) == ERROR_SUCCESS)
		return c;
	yr_compiler_destroy(c);
	return NULL;
}

static int take_rules(struct loading *g, YR_RULES *rules)
{
	YR_RULE *rule;

	if (g->state->n >= MAX_YARA_SETS) {
		yr_rules_destroy(rules);
		tell(g, 0, "too many sets of rules");
		return -E2BIG;
	}
	yr_rules_foreach(rules, rule)
	{
		if (!RULE_IS_PRIVATE(rule))
			g->rules++;
	}
	g->state->sets[g->state->n++] = (struct yara_set){.type = g->type, .rules = rules};
	return 0;
}

static int add_marker(YR_COMPILER *c, const struct yara *s)
{
	char hex[2 * YARA_MARKER + 1], rule[256];
	hex_encode(hex, s->marker, YARA_MARKER);
	snprintf(
	    rule, sizeof rule, "rule planted { meta: verdict = \"infected\" strings: $m = { %s } condition: $m }", hex);
	return yr_compiler_add_string(c, rule, YARA_PLANTED_NAMESPACE);
}

/* libyara gives up a compiler at the first error: who fails is left out and the rest is compiled anew. */
static int compile_once(struct loading *g, struct signature_files *f, YR_COMPILER *c, size_t *ret_bad)
{
	for (size_t i = 0; i < f->n; i++) {
		g->file = f->names[i];
		int fd = openat(f->folder, f->names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			tell(g, 0, strerror(errno));
		int errors = fd < 0 ? 1 : yr_compiler_add_fd(c, fd, f->names[i], f->names[i]);
		if (fd >= 0)
			close(fd);
		*ret_bad = i;
		if (errors)
			return -EILSEQ;
	}
	return 0;
}

static void drop(struct signature_files *f, size_t i)
{
	free(f->names[i]);
	for (f->n--; i < f->n; i++)
		f->names[i] = f->names[i + 1];
}

static int compile(struct loading *g, struct signature_files *f)
{
	YR_RULES *rules;
	size_t bad = 0;
	int r;

	do {
		YR_COMPILER *c = new_compiler(g);
		if (!c)
			return -ENOMEM;
		g->file = "";
		r = g->type == CONTENT_OTHER && add_marker(c, g->state) != 0 ? -EINVAL : compile_once(g, f, c, &bad);
		if (r == -EILSEQ)
			drop(f, bad);
		else if (r == 0 && (f->n > 0 || g->type == CONTENT_OTHER))
			r = yr_compiler_get_rules(c, &rules) == ERROR_SUCCESS ? take_rules(g, rules) : -ENOMEM;
		yr_compiler_destroy(c);
	} while (r == -EILSEQ);
	return r;
}

static size_t read_compiled(void *p, size_t size, size_t count, void *arg)
{
	const int *fd = arg;
	size_t done = 0, want = size * count;

	while (done < want) {
		ssize_t n = read(*fd, (char *)p + done, want - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return size ? done / size : 0;
}

/* libyara checks format and version, not contents: only root places files in a generation. */
static void take_compiled(struct loading *g, const struct signature_files *f, const char *name)
{
	int fd = openat(f->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	YR_STREAM stream = {.user_data = &fd, .read = read_compiled};
	YR_RULES *rules;

	g->file = name;
	if (fd < 0 || yr_rules_load_stream(&stream, &rules) != ERROR_SUCCESS)
		tell(g, 0, "not rules compiled by this version of libyara");
	else
		(void)take_rules(g, rules);
	if (fd >= 0)
		close(fd);
}

static int load_folder(
    const struct engine_load *l, struct yara *s, enum content_type type, size_t *rules, struct err *e)
{
	const char *kind = content_type_name(type);
	struct signature_files f;
	char folder[64];

	snprintf(folder, sizeof folder, "yara%s%s", *kind ? "/" : "", kind);
	struct loading g = {.l = l, .state = s, .type = type, .folder = folder, .file = ""};
	int r = signature_files_list(&f, l->signatures, folder, text_extensions, e);
	if (r == 0)
		r = compile(&g, &f);
	signature_files_release(&f);
	if (r == 0)
		r = signature_files_list(&f, l->signatures, folder, compiled_extensions, e);
	for (size_t i = 0; r == 0 && i < f.n; i++)
		take_compiled(&g, &f, f.names[i]);
	signature_files_release(&f);
	*rules += g.rules;
	return r;
}

int yara_load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	struct yara *s = calloc(1, sizeof *s);
	size_t rules = 0;
	int r = 0;

	if (!s || yr_initialize() != ERROR_SUCCESS) {
		free(s);
		return err_set(e, -ENOMEM, "libyara does not start");
	}
	rnd_bytes(s->marker, sizeof s->marker);
	for (enum content_type t = 0; r == 0 && t < CONTENT_TYPE_COUNT; t++)
		r = load_folder(l, s, t, &rules, e);
	if (r < 0) {
		yara_unload(s);
		return err_set(e, r, "libyara: %s", strerror(-r));
	}
	*ret_signatures = rules - 1; /* without the planted one */
	*ret_state = s;
	return 0;
}

void yara_unload(void *state)
{
	struct yara *s = state;
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->sets[i].scanner)
			yr_scanner_destroy(s->sets[i].scanner);
		yr_rules_destroy(s->sets[i].rules);
	}
	free(s);
	yr_finalize();
}
