/* bench-image [ENTRIES] (8500000): builds an image of that many hashes and prints one JSON line: the builder's time and
 * peak memory, the image's size, how long opening, a miss and a hit take, and what a process that only looks up has in
 * memory. Medians of five. The image lies in TMPDIR or /tmp. */
#include "clock.h"
#include "image_build.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5, ASKED = 1000000 };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void digest_of(uint64_t number, uint8_t dst[32])
{
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t v = mix(number * 4 + i + 1);
		memcpy(dst + 8 * i, &v, 8);
	}
}

/* Four in five are MD5, the others SHA-256; names count up, as ClamAV's do. */
static void add(struct image_builder *b, uint64_t number)
{
	char name[64];
	uint8_t digest[32];
	digest_of(number, digest);
	snprintf(name, sizeof(name), "Win.Trojan.Family%c%c-%" PRIu64 "-0", (char)('a' + number % 23),
	    (char)('a' + number / 23 % 25), number);
	const struct image_entry e = {
	    IMAGE_DENY, number % 5 ? IMAGE_MD5 : IMAGE_SHA256, digest, (int64_t)(mix(number) % 10000000 + 1), name};
	if (image_builder_add(b, &e) < 0)
		fail("image_builder_add");
}

/* In a process of its own, so that the memory is the builder's. */
static void build(const char *path, const char *folder, uint64_t entries)
{
	struct image_builder *b;
	int temp = open(folder, O_RDONLY | O_DIRECTORY), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (temp < 0 || fd < 0 || image_builder_new(temp, &b) < 0)
		fail(folder);
	for (uint64_t i = 0; i < entries; i++)
		add(b, i);
	const struct image_about about = {.generation = 1};
	if (image_builder_write(b, fd, &about, NULL) < 0)
		fail(path);
	image_builder_free(b);
	_exit(0);
}

static double build_once(const char *path, const char *folder, uint64_t entries, long *ret_kib)
{
	struct rusage used;
	int status;
	int64_t from = clock_mono_us();
	pid_t pid = fork();
	if (pid == 0)
		build(path, folder, entries);
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status)
		fail("the builder");
	*ret_kib = used.ru_maxrss;
	return (double)(clock_mono_us() - from) / 1e6;
}

/* Nanoseconds a question; the digests are made before. */
static double ask(const struct image *i, uint64_t first, uint64_t entries, bool there)
{
	static uint8_t digests[ASKED][32];
	struct image_find f;
	uint64_t found = 0;
	for (uint64_t k = 0; k < ASKED; k++) {
		uint64_t number = there ? mix(k + first) % entries / 5 * 5 + 1 : entries + first + k;
		digest_of(number < entries || !there ? number : 1, digests[k]);
	}
	int64_t from = clock_mono_us();
	for (uint64_t k = 0; k < ASKED; k++)
		found += image_find(i, IMAGE_DENY, IMAGE_MD5, digests[k], IMAGE_ANY_SIZE, &f);
	int64_t took = clock_mono_us() - from;
	if (found != (there ? ASKED : 0)) {
		fprintf(stderr, "bench-image: %" PRIu64 " of %d were found\n", found, ASKED);
		exit(1);
	}
	return (double)took * 1000 / ASKED;
}

static double open_once(int fd, struct image **ret)
{
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (image_open(fd, ret) < 0)
		fail("image_open");
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

/* What of this process's memory is the image's: after a million misses, so with all of its lines. */
static long resident_kib(const char *path)
{
	char line[512];
	long kib = 0;
	bool ours = false;
	FILE *f = fopen("/proc/self/smaps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, path))
			ours = true;
		else if (ours && sscanf(line, "Rss: %ld", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char path[512];
	uint64_t entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 8500000;
	double built[ROUNDS], opened[ROUNDS], missed[ROUNDS], hit[ROUNDS];
	long kib = 0, peak = 0, resident = 0;
	struct stat st;
	snprintf(path, sizeof(path), "%s/khien-bench-image", folder);
	for (int k = 0; k < ROUNDS; k++) {
		struct image *i;
		built[k] = build_once(path, folder, entries, &kib);
		peak = kib > peak ? kib : peak;
		int fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) < 0)
			fail(path);
		opened[k] = open_once(fd, &i);
		missed[k] = ask(i, (uint64_t)k * ASKED, entries, false);
		resident = resident_kib(path);
		hit[k] = ask(i, (uint64_t)k * ASKED, entries, true);
		image_close(i);
		close(fd);
	}
	unlink(path);
	printf("{\"bench\": \"image\", \"entries\": %" PRIu64
	       ", \"bytes\": %jd, \"build_s\": %.2f, \"build_peak_kib\": %ld, "
	       "\"open_us\": %.1f, \"miss_ns\": %.0f, \"hit_ns\": %.0f, \"resident_kib\": %ld}\n",
	    entries, (intmax_t)st.st_size, median(built), peak, median(opened), median(missed), median(hit), resident);
	return 0;
}
