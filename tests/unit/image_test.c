#include "image_fixture.h"
#include "image_format.h"
#include "image_judge.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct image_about about = {.generation = 7, .day = 20000, .origin = IMAGE_SIGNATURES};

/* A digest that is all its own for each number. */
static const uint8_t *digest_of(uint64_t number, uint8_t dst[32])
{
	uint64_t x = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < 32; i++) {
		x ^= x >> 29;
		x *= UINT64_C(0xbf58476d1ce4e5b9);
		x ^= x >> 32;
		dst[i] = (uint8_t)x;
	}
	return dst;
}

struct sample {
	struct image_entry entry;
	uint8_t digest[32];
	char name[64];
};

/* Entries over all tables; the names need numbers in all forms. */
static void make_samples(struct sample *s, size_t n)
{
	static const char *const forms[] = {"Win.Trojan.Agent-%zu-0", "Eicar", "", "Unix.Malware.%zu.%zu7", "007.%zu",
	    "X-99999999999999-%zu", "Tên.%zu"};
	for (size_t i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		snprintf(s[i].name, sizeof(s[i].name), forms[i % 7], i, i);
#pragma GCC diagnostic pop
		s[i].entry = (struct image_entry){
		    .list = (enum image_list)(i % 2),
		    .kind = (enum image_digest)(i / 2 % IMAGE_DIGEST_COUNT),
		    .digest = digest_of(i, s[i].digest),
		    .size = i % 3 == 0 ? IMAGE_ANY_SIZE : (int64_t)(i * 1000),
		    .name = s[i].name,
		};
	}
}

static struct image *build_samples(const struct sample *s, size_t n, int *ret_fd)
{
	struct image_entry *e = calloc(n + 1, sizeof(*e));
	assert_non_null(e);
	for (size_t i = 0; i < n; i++)
		e[i] = s[i].entry;
	struct image *image = image_fixture_build(e, n, &about, ret_fd);
	free(e);
	return image;
}

static void check_sample(const struct image *image, const struct sample *s)
{
	struct image_find f;
	const struct image_entry *e = &s->entry;
	int64_t asked = e->size == IMAGE_ANY_SIZE ? 123456789 : e->size;
	assert_true(image_find(image, e->list, e->kind, e->digest, asked, &f));
	assert_string_equal(f.name, s->name);
	assert_int_equal(f.size, e->size);
	assert_int_equal(f.origin, IMAGE_SIGNATURES);
	assert_true(image_find(image, e->list, e->kind, e->digest, IMAGE_ANY_SIZE, &f));
	if (e->size != IMAGE_ANY_SIZE)
		assert_false(image_find(image, e->list, e->kind, e->digest, e->size + 1, &f));
	assert_false(
	    image_find(image, e->list == IMAGE_DENY ? IMAGE_ALLOW : IMAGE_DENY, e->kind, e->digest, asked, &f));
}

static void test_finds_what_was_added(void **state)
{
	(void)state;
	enum { N = 5000 };
	struct sample *s = calloc(N, sizeof(*s));
	assert_non_null(s);
	make_samples(s, N);
	struct image *image = build_samples(s, N, NULL);
	assert_int_equal(image_generation(image), 7);
	assert_int_equal(image_day(image), 20000);
	uint64_t all = 0;
	for (int list = 0; list < IMAGE_LIST_COUNT; list++)
		for (int kind = 0; kind < IMAGE_DIGEST_COUNT; kind++)
			all += image_count(image, (enum image_list)list, (enum image_digest)kind);
	assert_int_equal(all, N);
	for (size_t i = 0; i < N; i++)
		check_sample(image, &s[i]);
	image_close(image);
	free(s);
}

static void test_misses_what_was_not(void **state)
{
	(void)state;
	enum { N = 2000 };
	struct sample *s = calloc(N, sizeof(*s));
	assert_non_null(s);
	make_samples(s, N);
	struct image *image = build_samples(s, N, NULL);
	struct image_find f;
	for (size_t i = 0; i < 20000; i++) {
		uint8_t digest[32];
		digest_of(N + i, digest);
		for (int kind = 0; kind < IMAGE_DIGEST_COUNT; kind++)
			assert_false(
			    image_find(image, IMAGE_DENY, (enum image_digest)kind, digest, IMAGE_ANY_SIZE, &f));
	}
	for (size_t i = 0; i < N; i++) { /* one bit beside an entry */
		s[i].digest[image_digest_bytes(s[i].entry.kind) - 1] ^= 1;
		assert_false(image_find(image, s[i].entry.list, s[i].entry.kind, s[i].digest, IMAGE_ANY_SIZE, &f));
	}
	image_close(image);
	free(s);
}

static void test_empty(void **state)
{
	(void)state;
	struct image_find f;
	uint8_t digest[32] = {0};
	struct image *image = build_samples(NULL, 0, NULL);
	assert_false(image_find(image, IMAGE_DENY, IMAGE_SHA256, digest, 1, &f));
	assert_int_equal(image_count(image, IMAGE_DENY, IMAGE_SHA256), 0);
	image_close(image);
}

/* The same digest with several sizes; the exact size's name goes before the one of any size. */
static void test_sizes(void **state)
{
	(void)state;
	uint8_t digest[32];
	digest_of(1, digest);
	const struct image_entry e[] = {
	    {IMAGE_DENY, IMAGE_MD5, digest, IMAGE_ANY_SIZE, "Any"},
	    {IMAGE_DENY, IMAGE_MD5, digest, 10, "Ten"},
	    {IMAGE_DENY, IMAGE_MD5, digest, IMAGE_MAX_SIZE, "Most"},
	    {IMAGE_DENY, IMAGE_MD5, digest, 10, "Ten"},
	    {IMAGE_DENY, IMAGE_MD5, digest, 10, "Ten.other"},
	    {IMAGE_DENY, IMAGE_SHA1, digest, 0, "Nought"},
	};
	struct image *image = image_fixture_build(e, 6, &about, NULL);
	struct image_find f;
	assert_int_equal(image_count(image, IMAGE_DENY, IMAGE_MD5), 3);
	assert_true(image_find(image, IMAGE_DENY, IMAGE_MD5, digest, 10, &f));
	assert_string_equal(f.name, "Ten");
	assert_true(image_find(image, IMAGE_DENY, IMAGE_MD5, digest, IMAGE_MAX_SIZE, &f));
	assert_string_equal(f.name, "Most");
	assert_true(image_find(image, IMAGE_DENY, IMAGE_MD5, digest, INT64_C(1) << 40, &f));
	assert_string_equal(f.name, "Any");
	assert_true(image_find(image, IMAGE_DENY, IMAGE_SHA1, digest, 0, &f));
	assert_false(image_find(image, IMAGE_DENY, IMAGE_SHA1, digest, INT64_C(0xffffffff), &f));
	image_close(image);
}

static void test_refuses_entries(void **state)
{
	(void)state;
	struct image_builder *b = NULL;
	int temp = image_fixture_folder(), fd = image_fixture_file();
	uint8_t digest[32];
	char longest[MAX_SIGNATURE_NAME + 2];
	digest_of(1, digest);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	struct image_entry e = {IMAGE_DENY, IMAGE_MD5, digest, 1, longest};
	assert_int_equal(image_builder_new(temp, &b), 0);
	assert_int_equal(image_builder_add(b, &e), -EINVAL);
	const char *const bad[] = {"a\nb", "a\x01", "\xff\xfe", "\x7f"};
	for (size_t i = 0; i < 4; i++) {
		e.name = bad[i];
		assert_int_equal(image_builder_add(b, &e), -EINVAL);
	}
	e.name = longest + 1;
	e.size = IMAGE_MAX_SIZE + 1;
	assert_int_equal(image_builder_add(b, &e), -EINVAL);
	e.size = -2;
	assert_int_equal(image_builder_add(b, &e), -EINVAL);
	for (int64_t size = 0; size <= MAX_IMAGE_SAME; size++) {
		e.size = size;
		assert_int_equal(image_builder_add(b, &e), 0);
	}
	assert_int_equal(image_builder_write(b, fd, &about, NULL), -E2BIG);
	image_builder_free(b);
	close(fd);
	close(temp);
}

/* More than fits into one run of the sort, in one order and in the other: the same bytes, and all is there. */
static void test_many(void **state)
{
	(void)state;
	enum { N = 800000 };
	struct image_builder *b = NULL;
	struct image *image[2];
	int fd[2], temp = image_fixture_folder();
	uint8_t digest[32];
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(image_builder_new(temp, &b), 0);
		for (size_t i = 0; i < N; i++) {
			size_t number = turn == 0 ? i : N - 1 - i;
			struct image_entry e = {
			    IMAGE_DENY, IMAGE_MD5, digest_of(number, digest), (int64_t)number, "Same-7"};
			assert_int_equal(image_builder_add(b, &e), 0);
		}
		fd[turn] = image_fixture_file();
		assert_int_equal(image_builder_write(b, fd[turn], &about, NULL), 0);
		image_builder_free(b);
		assert_int_equal(image_open(fd[turn], &image[turn]), 0);
	}
	close(temp);
	struct image_find f;
	for (size_t i = 0; i < N; i++) {
		assert_true(image_find(image[0], IMAGE_DENY, IMAGE_MD5, digest_of(i, digest), (int64_t)i, &f));
		assert_false(image_find(image[0], IMAGE_DENY, IMAGE_MD5, digest_of(N + i, digest), IMAGE_ANY_SIZE, &f));
	}
	char piece[2][4096];
	ssize_t n = 0;
	for (off_t at = 0; (n = pread(fd[0], piece[0], sizeof(piece[0]), at)) > 0; at += n) {
		assert_int_equal(pread(fd[1], piece[1], sizeof(piece[1]), at), n);
		assert_memory_equal(piece[0], piece[1], (size_t)n);
	}
	assert_int_equal(n, 0);
	for (int turn = 0; turn < 2; turn++) {
		image_close(image[turn]);
		close(fd[turn]);
	}
}

/* Asks everything; whatever it answers, no name leaves its bounds. */
static void ask_all(const struct image *image, const struct sample *s, size_t n)
{
	struct image_find f;
	for (size_t i = 0; i < n; i++)
		for (int list = 0; list < IMAGE_LIST_COUNT; list++)
			if (image_find(image, (enum image_list)list, s[i].entry.kind, s[i].digest, IMAGE_ANY_SIZE, &f))
				assert_true(image_name_valid(f.name));
}

enum { SMALL = 60 };

static uint8_t *small_image(struct sample *s, size_t *ret_n)
{
	struct stat st;
	int fd;
	make_samples(s, SMALL);
	image_close(build_samples(s, SMALL, &fd));
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return bytes;
}

static void test_truncated(void **state)
{
	(void)state;
	struct sample s[SMALL];
	size_t n;
	uint8_t *bytes = small_image(s, &n);
	int fd = image_fixture_file();
	struct image *image = NULL;
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	assert_int_equal(image_open(fd, &image), 0);
	image_close(image);
	for (size_t left = n; left-- > 0;) {
		assert_int_equal(ftruncate(fd, (off_t)left), 0);
		assert_int_equal(image_open(fd, &image), -EPROTO);
	}
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	assert_int_equal(ftruncate(fd, (off_t)n + 1), 0);
	assert_int_equal(image_open(fd, &image), -EPROTO);
	free(bytes);
	close(fd);
}

/* Over bytes of just this length, so that any access outside is seen. */
static void test_altered(void **state)
{
	(void)state;
	struct sample s[SMALL];
	size_t n;
	uint8_t *bytes = small_image(s, &n);
	for (size_t at = 0; at < n; at++) {
		static const uint8_t masks[] = {0x01, 0x80, 0xff};
		for (size_t m = 0; m < sizeof(masks); m++) {
			struct image *image = NULL;
			bytes[at] ^= masks[m];
			int r = image_over(bytes, n, &image);
			assert_int_equal(r, at < IMAGE_HEADER_BYTES ? -EPROTO : 0);
			if (r == 0)
				ask_all(image, s, SMALL);
			image_close(image);
			bytes[at] ^= masks[m];
		}
	}
	free(bytes);
}

/* A header that is whole in itself but lies: any field, any value, with the right checksum. */
static void test_lying_header(void **state)
{
	(void)state;
	struct sample s[SMALL];
	size_t n;
	uint8_t *bytes = small_image(s, &n), header[IMAGE_HEADER_BYTES];
	int fd = image_fixture_file();
	struct image *image = NULL;
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	static const uint64_t lies[] = {0, 1, 2, 33, MAX_IMAGE_ENTRIES, MAX_IMAGE_ENTRIES + 1, UINT64_MAX};
	for (int t = 0; t < IMAGE_TABLE_COUNT; t++)
		for (size_t l = 0; l < 14; l++) {
			struct image_head head;
			assert_int_equal(image_head_read(&head, bytes), 0);
			struct image_table *table = &head.tables[0][0] + t;
			uint64_t *field = l % 2 ? &table->count : &table->lines, was = *field;
			*field = lies[l / 2];
			image_head_write(&head, header);
			assert_int_equal(pwrite(fd, header, sizeof(header), 0), (ssize_t)sizeof(header));
			int r = image_open(fd, &image);
			assert_int_equal(r, *field == was ? 0 : -EPROTO);
			if (r == 0)
				image_close(image);
		}
	free(bytes);
	close(fd);
}

static const struct image_entry *of_list(enum image_list list, enum image_digest kind, const uint8_t *digest)
{
	static struct image_entry e;
	e = (struct image_entry){list, kind, digest, 5, list == IMAGE_DENY ? "Bad" : "Good"};
	return &e;
}

static void test_judge(void **state)
{
	(void)state;
	uint8_t md5[32], sha1[32], sha256[32];
	const struct image_digests d = {.of = {digest_of(1, md5), digest_of(2, sha1), digest_of(3, sha256)}, .size = 5};
	enum { D = 1, A = 2, P = 4 }; /* denied, allowed by signatures, by a package */
	static const struct {
		int of[3];
		enum image_verdict verdict;
	} rows[] = {
	    {{0, 0, 0}, IMAGE_UNKNOWN},
	    {{D, 0, 0}, IMAGE_DENIED},
	    {{0, D, 0}, IMAGE_DENIED},
	    {{0, 0, D}, IMAGE_DENIED},
	    {{A, 0, 0}, IMAGE_ALLOWED},
	    {{D | A, 0, 0}, IMAGE_ALLOWED},
	    {{D, A, 0}, IMAGE_ALLOWED},
	    {{D, 0, A}, IMAGE_ALLOWED},
	    {{A, 0, D}, IMAGE_DENIED}, /* MD5 never allows what SHA-256 denies */
	    {{0, A, D}, IMAGE_DENIED},
	    {{0, 0, D | A}, IMAGE_ALLOWED},
	    {{P, 0, 0}, IMAGE_ALLOWED},
	    {{P | D, 0, 0}, IMAGE_DENIED}, /* a package takes nothing back */
	    {{P, 0, D}, IMAGE_DENIED},
	    {{D, 0, P}, IMAGE_DENIED},
	    {{P | D, A, 0}, IMAGE_ALLOWED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image_entry signatures[6], packages[3];
		size_t ns = 0, np = 0;
		for (int k = 0; k < 3; k++) {
			if (rows[i].of[k] & D)
				signatures[ns++] = *of_list(IMAGE_DENY, (enum image_digest)k, d.of[k]);
			if (rows[i].of[k] & A)
				signatures[ns++] = *of_list(IMAGE_ALLOW, (enum image_digest)k, d.of[k]);
			if (rows[i].of[k] & P)
				packages[np++] = *of_list(IMAGE_ALLOW, (enum image_digest)k, d.of[k]);
		}
		const struct image_about from_packages = {.origin = IMAGE_PACKAGES};
		struct image *images[3] = {image_fixture_build(packages, np, &from_packages, NULL), NULL,
		    image_fixture_build(signatures, ns, &about, NULL)};
		struct image_find f;
		enum image_verdict v = image_judge((const struct image *const *)images, 3, &d, &f);
		assert_int_equal(v, rows[i].verdict);
		if (v != IMAGE_UNKNOWN)
			assert_string_equal(f.name, v == IMAGE_DENIED ? "Bad" : "Good");
		for (int k = 0; k < 3; k++)
			assert_int_equal(
			    image_judge_needs((const struct image *const *)images, 3, (enum image_digest)k),
			    rows[i].of[k] != 0);
		image_close(images[0]);
		image_close(images[2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_finds_what_was_added),
	    cmocka_unit_test(test_misses_what_was_not),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_refuses_entries),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_altered),
	    cmocka_unit_test(test_lying_header),
	    cmocka_unit_test(test_judge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
