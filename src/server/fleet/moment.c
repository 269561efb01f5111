#include "moment.h"
#include "clock.h"
#include "day.h"

int moment_now(struct db *db, struct as_of *ret)
{
	int64_t recorded_at, now = clock_business_us();
	int r = db_row(db, "select recorded_at from head where id = 1", "", "i", &recorded_at);
	if (r)
		return r;
	*ret = (struct as_of){.at = now > recorded_at ? now : recorded_at, .rev = INT64_MAX, .known_at = TIME_END};
	return 0;
}

int moment_of_day(struct db *db, int32_t day, int64_t known_at, struct as_of *ret, struct err *e)
{
	struct as_of m;
	int r = moment_now(db, &m);
	if (r)
		return r;
	int32_t today = day_of(m.at);
	int64_t now = m.at;
	if (day != DAY_TODAY && day > today) {
		char text[DAY_TEXT];
		day_iso(day, text);
		return err_set(e, -EINVAL, "%s is still to come", text);
	}
	if (day != DAY_TODAY && day < today)
		m.at = day_last_us(day);
	if (known_at < now) {
		r = ledger_rev_at(db, known_at, &m.rev);
		if (r)
			return err_set(e, r, "what was known then cannot be read");
		if (m.rev == 0)
			return err_set(e, -EINVAL, "nothing was known then: the ledger is younger");
		m.known_at = known_at;
	}
	*ret = m;
	return 0;
}

int64_t moment_seen_until(const struct as_of *at)
{
	return at->at < at->known_at ? at->at : at->known_at;
}
