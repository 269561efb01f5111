#include "engine_yara.h"
#include "yara_int.h"
#include "signature_files.h"
#include "signature_kind.h"

#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The rules for one kind of content under way. */
struct loading {
	const struct engine_load *l;
	struct yara *state;
	enum content_type type;
	const char *file; /* the one that is being compiled */
	size_t rules;
};

/* Which kind of content a file's rules are for: "pe.NAME.yar". */
static enum content_type type_of(const char *file)
{
	for (enum content_type t = 0; t < CONTENT_TYPE_COUNT; t++) {
		const char *kind = content_type_name(t);
		if (*kind && strncmp(file, kind, strlen(kind)) == 0 && file[strlen(kind)] == '.')
			return t;
	}
	return CONTENT_OTHER;
}

enum { RANK_TEXT, RANK_COMPILED };

static int rank(void *arg, const char *name)
{
	const struct loading *g = arg;
	const struct signature_kind *kind = signature_kind_of(name);

	if (!kind || kind->use != SIGNATURE_YARA || type_of(name) != g->type)
		return -1;
	return str_eq(kind->suffix, ".yarc") ? RANK_COMPILED : RANK_TEXT;
}

static void tell(const struct loading *g, int line, const char *text)
{
	char file[64 + 256];
	snprintf(file, sizeof file, "yara/%s", g->file);
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
	for (size_t i = 0; i < f->n && f->files[i].rank == RANK_TEXT; i++) {
		g->file = f->files[i].name;
		int fd = openat(f->folder, f->files[i].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			tell(g, 0, strerror(errno));
		int errors = fd < 0 ? 1 : yr_compiler_add_fd(c, fd, f->files[i].name, f->files[i].name);
		if (fd >= 0)
			close(fd);
		*ret_bad = i;
		if (errors)
			return -EILSEQ;
	}
	return 0;
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
			signature_files_drop(f, bad);
		else if (r == 0 && (g->type == CONTENT_OTHER || (f->n > 0 && f->files[0].rank == RANK_TEXT)))
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

static int load_type(const struct engine_load *l, struct yara *s, enum content_type type, size_t *rules, struct err *e)
{
	struct loading g = {.l = l, .state = s, .type = type, .file = ""};
	struct signature_files f;

	int r = signature_files_list(&f, l->signatures, "yara", rank, &g, e);
	if (r == 0)
		r = compile(&g, &f);
	for (size_t i = 0; r == 0 && i < f.n; i++)
		if (f.files[i].rank == RANK_COMPILED)
			take_compiled(&g, &f, f.files[i].name);
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
		r = load_type(l, s, t, &rules, e);
	if (r < 0) {
		yara_unload(s);
		return err_set(e, r, "libyara: %s", strerror(-r));
	}
	*ret_signatures = rules - 1; /* without the planted one */
	s->bare = rules == 1;
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
