/* khien scan: a scan that somebody waits for, made by the agent of this computer. Exit codes are clamscan's, since
 * scripts know them: 0 nothing found, 1 found, 2 it could not be done (or not to its end). */
#include "cli_agent.h"
#include "cli_options.h"
#include "clock.h"
#include "control.h"
#include "control_messages.h"
#include "path_display.h"
#include "str.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_NOT_DONE = 2, BAR = 24, SHOW_EVERY_US = 200000 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

struct watch {
	const struct cli *c;
	bool json, bar;
	int64_t began_us, shown_us, first_bytes;
	bool has_progress, line_open;
	struct sweep_progress last;
	json_t *found, *missed;
};

static const struct option_row scan_options[] = {
    {"quick", NULL, VALUE_FLAG, 0, NULL,
        P("quét nhanh: chương trình đang chạy, tự khởi động, thư mục tải về",
            "quick: what runs, what starts by itself, downloads")},
    {"full", NULL, VALUE_FLAG, 0, NULL, P("quét toàn bộ máy", "the whole computer")},
    {"resume", NULL, VALUE_FLAG, 0, NULL, P("quét tiếp lần bị ngắt", "goes on with the scan that was interrupted")},
    {"report-only", NULL, VALUE_FLAG, 0, NULL,
        P("chỉ báo, không cách ly", "tells what it finds and leaves it where it is")},
    {"json", NULL, VALUE_FLAG, 0, NULL, P("kết quả dạng JSON", "the result as JSON")},
    {"PATH", NULL, VALUE_TEXT, OPTION_WORD | OPTION_REST, NULL, P("tệp hoặc thư mục", "files or folders")},
    END_OPTIONS,
};

/* ---- the bar ---- */

static void clear_line(struct watch *w)
{
	if (w->line_open)
		fputs("\r\x1b[K", stderr);
	w->line_open = false;
}

static void put_left(struct watch *w, const struct sweep_progress *p, double rate)
{
	int64_t s = rate > 0 ? (int64_t)((double)(p->all_bytes - p->bytes) / rate) + 1 : 0;
	int done = p->all_bytes > 0 ? (int)(p->bytes * BAR / p->all_bytes) : 0;
	fputc('[', stderr);
	for (int i = 0; i < BAR; i++)
		fputc(i < done ? '#' : '.', stderr);
	fputs("] ", stderr);
	if (rate > 0 && p->all_bytes >= p->bytes)
		fprintf(stderr, SAY(w->c, "còn %" PRId64 ":%02" PRId64 "  ", "%" PRId64 ":%02" PRId64 " left  "),
		    s / 60, s % 60);
}

static void show(struct watch *w, const struct sweep_progress *p)
{
	int64_t now = clock_mono_us();
	double seconds = (double)(now - w->began_us) / US_PER_S;
	double rate = seconds > 0.2 ? (double)(p->bytes - w->first_bytes) / seconds : 0;
	if (!w->bar || now - w->shown_us < SHOW_EVERY_US)
		return;
	w->shown_us = now;
	clear_line(w);
	if (p->all_bytes >= 0)
		put_left(w, p, rate);
	fprintf(stderr,
	    SAY(w->c, "%" PRId64 " tệp, %.0f MB, %.1f MB/giây, nhiễm %" PRId64,
	        "%" PRId64 " files, %.0f MB, %.1f MB/s, infected %" PRId64),
	    p->files, (double)p->bytes / 1e6, rate / 1e6, p->infected);
	fflush(stderr);
	w->line_open = true;
}

/* ---- what is told ---- */

static int on_progress(void *arg, const struct sweep_progress *p)
{
	struct watch *w = arg;
	if (!w->has_progress)
		w->first_bytes = p->bytes;
	w->has_progress = true;
	w->last = *p;
	w->last.position = NULL;
	show(w, p);
	return 0;
}

static const char *action_name(const struct watch *w, const struct sweep_found *f)
{
	switch (f->detection.action) {
	case ACTION_QUARANTINED:
		return SAY(w->c, "đã cách ly", "quarantined");
	case ACTION_FAILED:
		return SAY(w->c, "KHÔNG cách ly được", "NOT quarantined");
	default:
		return SAY(w->c, "để nguyên", "left in place");
	}
}

static const char *action_word(enum detection_action a)
{
	return a == ACTION_QUARANTINED ? "quarantined" : a == ACTION_FAILED ? "failed" : "none";
}

static int on_found(void *arg, const struct sweep_found *f)
{
	struct watch *w = arg;
	const struct detection *d = &f->detection;
	char sha256[2 * SHA256_BYTES + 1] = "", raw[4 * ((MAX_PATH_BYTES + 2) / 3) + 1];
	if (w->json) {
		if (d->has_sha256)
			hex_encode(sha256, d->sha256, sizeof d->sha256);
		base64_encode(raw, d->path.raw, d->path.n);
		json_array_append_new(w->found,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "path", d->path.display, "path_base64",
		        raw, "verdict", scan_verdict_name(f->verdict), "name", d->name, "engine", d->engine, "sha256",
		        sha256, "action", action_word(d->action), "stopped_processes", (int)f->stopped, "why", f->why));
		return 0;
	}
	clear_line(w);
	printf("%s: %s %s (%s%s%s)\n", d->path.display, d->name, f->verdict == SCAN_SUSPICIOUS ? "SUSPICIOUS" : "FOUND",
	    action_name(w, f), *f->why ? ": " : "", f->why);
	fflush(stdout);
	return 0;
}

static int on_missed(void *arg, enum scan_reason reason, const char *path, size_t n)
{
	struct watch *w = arg;
	struct buf display = BUF_INIT(MAX_DISPLAY);
	path_display(&display, path, n);
	if (w->json) {
		json_array_append_new(
		    w->missed, json_pack("{s:s, s:s}", "path", buf_str(&display), "reason", scan_reason_name(reason)));
	} else {
		clear_line(w);
		printf(SAY(w->c, "%s: chưa quét (%s)\n", "%s: not scanned (%s)\n"), buf_str(&display),
		    scan_reason_name(reason));
		fflush(stdout);
	}
	buf_release(&display);
	return 0;
}

static int on_idle(void *arg)
{
	(void)arg;
	return interrupted ? -EINTR : 0;
}

/* ---- the end ---- */

static int64_t all_missed(const struct sweep_progress *p)
{
	int64_t sum = 0;
	for (int i = 0; i < SCAN_REASON_COUNT; i++)
		sum += p->not_scanned[i];
	return sum;
}

static void print_json(struct watch *w, const char *end, const char *why)
{
	const struct sweep_progress *p = &w->last;
	json_t *reasons = json_object();
	for (int i = 1; i < SCAN_REASON_COUNT; i++)
		if (p->not_scanned[i])
			json_object_set_new(
			    reasons, scan_reason_name((enum scan_reason)i), json_integer(p->not_scanned[i]));
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:f, s:O, s:O}", "end", end, "why", why, "files",
	    (json_int_t)p->files, "bytes", (json_int_t)p->bytes, "infected", (json_int_t)p->infected, "suspicious",
	    (json_int_t)p->suspicious, "not_scanned", reasons, "seconds",
	    (double)(clock_mono_us() - w->began_us) / US_PER_S, "found", w->found, "missed", w->missed);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static void print_text(struct watch *w, const char *end, const char *why)
{
	const struct sweep_progress *p = &w->last;
	clear_line(w);
	printf(SAY(w->c,
	           "\n%" PRId64 " tệp, %.1f MB trong %.1f giây: %" PRId64 " nhiễm, %" PRId64 " đáng ngờ, %" PRId64
	           " chưa quét được\n",
	           "\n%" PRId64 " files, %.1f MB in %.1f s: %" PRId64 " infected, %" PRId64 " suspicious, %" PRId64
	           " not scanned\n"),
	    p->files, (double)p->bytes / 1e6, (double)(clock_mono_us() - w->began_us) / US_PER_S, p->infected,
	    p->suspicious, all_missed(p));
	for (int i = 1; i < SCAN_REASON_COUNT; i++)
		if (p->not_scanned[i])
			printf("  %s: %" PRId64 "\n", scan_reason_name((enum scan_reason)i), p->not_scanned[i]);
	if (str_eq(end, "interrupted"))
		puts(
		    SAY(w->c, "Đã ngắt. Quét tiếp: khien scan --resume", "Interrupted. To go on: khien scan --resume"));
	else if (*why)
		fprintf(stderr, "khien: %s\n", why);
}

static const char *end_name(enum scan_end end)
{
	return end == SCAN_ENDED_WELL ? "done" : end == SCAN_INTERRUPTED ? "interrupted" : "failed";
}

static int finish(struct watch *w, const char *end, const char *why)
{
	if (w->json)
		print_json(w, end, why);
	else
		print_text(w, end, why);
	if (!str_eq(end, "done"))
		return EXIT_NOT_DONE;
	if (w->last.infected)
		return EXIT_FOUND;
	return w->last.not_scanned[SCAN_CRASHED] || w->last.not_scanned[SCAN_UNREADABLE] ||
	               w->last.not_scanned[SCAN_FAILED]
	           ? EXIT_NOT_DONE
	           : EXIT_CLEAN;
}

/* ---- asking ---- */

static int choose(const struct cli *c, struct control_scan *s, char **paths)
{
	s->resume = cli_flag(c, "resume");
	s->report_only = cli_flag(c, "report-only");
	s->extent = cli_flag(c, "quick") ? SCAN_QUICK : cli_flag(c, "full") ? SCAN_FULL : SCAN_CUSTOM;
	int ways = s->resume + cli_flag(c, "quick") + cli_flag(c, "full") + (c->n_rest > 0);
	if (ways != 1)
		return cli_fail(c, (enum cli_exit)EXIT_NOT_DONE, "%s",
		    SAY(c, "hãy nêu PATH, hoặc --quick, --full, --resume (chỉ một cách)",
		        "name a PATH, or --quick, --full, --resume (one of them)"));
	if (c->n_rest > MAX_SCAN_PATHS)
		return cli_fail(
		    c, (enum cli_exit)EXIT_NOT_DONE, SAY(c, "tối đa %d đường dẫn", "at most %d paths"), MAX_SCAN_PATHS);
	for (size_t i = 0; i < c->n_rest; i++) {
		paths[i] = realpath(c->rest[i], NULL);
		if (!paths[i])
			return cli_fail(c, (enum cli_exit)EXIT_NOT_DONE, "%s: %s", c->rest[i], strerror(errno));
		s->n_paths++;
	}
	return 0;
}

static void catch_interrupts(void)
{
	struct sigaction a = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

static int scan_and_show(struct cli *c, struct control *agent, const struct control_scan *s)
{
	struct watch w = {.c = c, .json = cli_flag(c, "json"), .began_us = clock_mono_us()};
	const struct control_watcher watcher = {on_progress, on_found, on_missed, on_idle, &w};
	char why[CONTROL_MAX_FACT] = "";
	enum scan_end end = SCAN_ENDED_BADLY;
	struct err e = {0};
	w.bar = !w.json && isatty(STDERR_FILENO);
	w.found = json_array();
	w.missed = json_array();
	catch_interrupts();
	int r = control_scan(agent, s, &watcher, &end, why, &e);
	int code = EXIT_NOT_DONE;
	clear_line(&w);
	if (r == -EINTR)
		code = finish(&w, "interrupted", "");
	else if (r)
		cli_fail(c, (enum cli_exit)EXIT_NOT_DONE, "%s", *e.text ? e.text : strerror(-r));
	else
		code = finish(&w, end_name(end), why);
	json_decref(w.found);
	json_decref(w.missed);
	return code;
}

static enum cli_exit scan(struct cli *c)
{
	char *paths[MAX_SCAN_PATHS] = {0};
	struct control_scan s = {.paths = (const char *const *)paths};
	struct control *agent = NULL;
	int code = choose(c, &s, paths);
	if (!code)
		code = cli_open_agent(c, &agent) ? EXIT_NOT_DONE : scan_and_show(c, agent, &s);
	control_free(agent);
	for (size_t i = 0; i < MAX_SCAN_PATHS; i++)
		free(paths[i]);
	return (enum cli_exit)code;
}

const struct command scan_commands[] = {
    {"scan", P("quét mã độc trên máy này", "scans this computer for malware"), scan_options, NULL, scan},
    END_COMMANDS,
};
