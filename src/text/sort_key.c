#include "text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Level separators lie below, letter marks above every separator and below every printable character. */
enum { LEVEL_END = 1, MARK_NONE = 2 };

/* What a combining mark does to a letter of the Vietnamese alphabet: makes another letter, or gives it a tone. */
static const struct mark {
	int32_t code;
	char letter, tone;
} marks[] = {
    {0x0306, 1, 0}, /* ă */
    {0x0302, 2, 0}, /* â ê ô; after ă, before ơ */
    {0x031b, 3, 0}, /* ơ ư */
    {0x0300, 0, 1}, /* huyền */
    {0x0309, 0, 2}, /* hỏi */
    {0x0303, 0, 3}, /* ngã */
    {0x0301, 0, 4}, /* sắc */
    {0x0323, 0, 5}, /* nặng */
};

static const struct mark *find_mark(int32_t c)
{
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (marks[i].code == c)
			return &marks[i];
	}
	return NULL;
}

struct key {
	char *p;
	size_t n, size;
};

static void put(struct key *k, const void *p, size_t n)
{
	if (k->n + n < k->size)
		memcpy(k->p + k->n, p, n);
	k->n += n;
}

static void put_char(struct key *k, char c)
{
	put(k, &c, 1);
}

/* A base character and the marks behind it, from cp[i] on; the index behind them. */
static size_t put_letter(struct key *k, const int32_t *cp, size_t n, size_t i, char *ret_tone)
{
	uint8_t bytes[4];
	char letter = MARK_NONE;
	int32_t base = cp[i++];
	if (base == 0x111) {
		base = 'd';
		letter++;
	}
	*ret_tone = '0';
	for (; i < n && utf8proc_category(cp[i]) == UTF8PROC_CATEGORY_MN; i++) {
		const struct mark *m = find_mark(cp[i]);
		if (m == NULL)
			continue;
		letter = (char)(letter + m->letter);
		if (m->tone)
			*ret_tone = (char)('0' + m->tone);
	}
	put(k, bytes, (size_t)utf8proc_encode_char(base, bytes));
	if (base < 128 && strchr("adeou", (char)base) != NULL)
		put_char(k, letter);
	return i;
}

static int make_key(struct key *k, const int32_t *cp, size_t n)
{
	size_t n_tones = 0;
	char *tones = malloc(n + 1);
	if (tones == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n;)
		i = put_letter(k, cp, n, i, &tones[n_tones++]);
	put_char(k, LEVEL_END);
	put(k, tones, n_tones);
	put_char(k, LEVEL_END);
	free(tones);
	return 0;
}

int text_sort_key(char *dst, size_t size, const char *src)
{
	const utf8proc_option_t how = (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD);
	struct key k = {dst, 0, size};
	int32_t *cp = NULL;
	dst[0] = 0;
	size_t n = strnlen(src, TEXT_MAX_SOURCE + 1);
	if (n > TEXT_MAX_SOURCE)
		return -ENAMETOOLONG;
	utf8proc_ssize_t count = utf8proc_decompose((const uint8_t *)src, (utf8proc_ssize_t)n, NULL, 0, how);
	if (count < 0)
		return -EILSEQ;
	cp = malloc(((size_t)count + 1) * sizeof cp[0]);
	if (cp == NULL)
		return -ENOMEM;
	utf8proc_decompose((const uint8_t *)src, (utf8proc_ssize_t)n, cp, count, how);
	int r = make_key(&k, cp, (size_t)count);
	free(cp);
	put(&k, src, n);
	if (r == 0 && k.n >= size)
		r = -ENAMETOOLONG;
	dst[r ? 0 : k.n] = 0;
	return r;
}
