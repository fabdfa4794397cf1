/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQLite on a disk of ext4, one mode a run. `fill JOURNAL ROWS`: a writer's transactions, while
 * another thread reads; `load JOURNAL`: transactions larger than SQLite's cache until the guest is
 * destroyed, telling what is committed and when it is in the middle of one; `verify JOURNAL N`: the
 * database opens again, is whole, and has the N transactions and nothing of an unfinished one.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"
#include "test/guest/check.h"

#define ROWS_PER_TXN 1000
#define LOAD_ROWS    600
#define BUSY_MS      120000

static int filling = 1; /* atomic */

static sqlite3 *open_db(const char *journal)
{
	char pragma[64];
	sqlite3 *db = NULL;

	CHECK(sqlite3_open("/test.db", &db) == SQLITE_OK);
	CHECK(sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK);
	snprintf(pragma, sizeof(pragma), "PRAGMA journal_mode=%s", journal);
	CHECK(sqlite3_exec(db, pragma, NULL, NULL, NULL) == SQLITE_OK);
	/* By itself SQLite does not sync the directory its journal's name is gone from: the last
	 * commit could be rolled back. */
	CHECK(sqlite3_exec(db, "PRAGMA synchronous=EXTRA", NULL, NULL, NULL) == SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *text)
{
	char *message = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
		printf("%s: %s\n", text, message);
		CHECK(0);
	}
}

/* The first column of the first row. */
static long long number(sqlite3 *db, const char *query)
{
	sqlite3_stmt *statement = NULL;
	long long result = -1;

	CHECK(sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		result = sqlite3_column_int64(statement, 0);
	CHECK(sqlite3_finalize(statement) == SQLITE_OK);
	return result;
}

static void check_integrity(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;

	CHECK(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK);
	CHECK(sqlite3_step(statement) == SQLITE_ROW);
	printf("integrity: %s\n", (const char *)sqlite3_column_text(statement, 0));
	CHECK(strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0);
	CHECK(sqlite3_finalize(statement) == SQLITE_OK);
}

static void make_tables(sqlite3 *db)
{
	run(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, txn INTEGER, body TEXT)");
	run(db, "CREATE INDEX by_body ON t(body)");
}

/* scattered: all over the index. */
static void insert(sqlite3_stmt *statement, int txn, int row, int scattered)
{
	unsigned int key = (unsigned int)(txn * ROWS_PER_TXN + row);
	char body[40];

	snprintf(body, sizeof(body), "%010u-%d-%d", scattered ? key * 2654435761u : key, txn, row);
	CHECK(sqlite3_bind_int(statement, 1, txn) == SQLITE_OK);
	CHECK(sqlite3_bind_text(statement, 2, body, -1, SQLITE_STATIC) == SQLITE_OK);
	CHECK(sqlite3_step(statement) == SQLITE_DONE);
	CHECK(sqlite3_reset(statement) == SQLITE_OK);
}

static sqlite3_stmt *insertion(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;

	CHECK(sqlite3_prepare_v2(db, "INSERT INTO t(txn, body) VALUES(?, ?)", -1, &statement,
				 NULL) == SQLITE_OK);
	return statement;
}

/* Sees whole transactions only, and none go away. */
static void *read_all_the_time(void *journal)
{
	sqlite3 *db = open_db(journal);
	long long before = 0, looks = 0;

	while (__atomic_load_n(&filling, __ATOMIC_ACQUIRE)) {
		long long rows = number(db, "SELECT count(*) FROM t");

		CHECK(rows % ROWS_PER_TXN == 0 && rows >= before);
		before = rows;
		looks++;
		sqlite3_sleep(50);
	}
	printf("the reader looked %s\n", looks ? "meanwhile" : "never");
	CHECK(looks > 0);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	return NULL;
}

static void do_fill(char *journal, int rows)
{
	sqlite3 *db = open_db(journal);
	sqlite3_stmt *statement;
	pthread_t reader;

	make_tables(db);
	statement = insertion(db);
	CHECK(pthread_create(&reader, NULL, read_all_the_time, journal) == 0);
	for (int txn = 0; txn * ROWS_PER_TXN < rows; txn++) {
		run(db, "BEGIN");
		for (int row = 0; row < ROWS_PER_TXN; row++)
			insert(statement, txn, row, 0);
		run(db, "COMMIT");
	}
	__atomic_store_n(&filling, 0, __ATOMIC_RELEASE);
	CHECK(pthread_join(reader, NULL) == 0);
	CHECK(number(db, "SELECT count(*) FROM t") == rows);
	check_integrity(db);
	CHECK(sqlite3_finalize(statement) == SQLITE_OK);
	run(db, "DROP TABLE t");
	CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* Until somebody destroys the domain. */
static void do_load(const char *journal)
{
	sqlite3 *db = open_db(journal);
	sqlite3_stmt *statement;
	long long first = 1;

	if (number(db, "SELECT count(*) FROM sqlite_schema") == 0)
		make_tables(db);
	first += number(db, "SELECT coalesce(max(txn), 0) FROM t");
	/* Most of a transaction is in the file, or the log, long before it is committed. */
	run(db, "PRAGMA cache_size=20");
	statement = insertion(db);
	for (int txn = (int)first;; txn++) {
		run(db, "BEGIN");
		for (int row = 0; row < LOAD_ROWS; row++) {
			insert(statement, txn, row, 1);
			if (row == LOAD_ROWS * 2 / 3) {
				printf("inside %d\n", txn);
				fflush(stdout);
			}
		}
		run(db, "UPDATE t SET body = body || 'x' WHERE id % 97 = 0");
		run(db, "COMMIT");
		printf("committed %d\n", txn);
		fflush(stdout);
	}
}

static void do_verify(const char *journal, int safe)
{
	sqlite3 *db = open_db(journal);
	long long last;

	check_integrity(db);
	last = number(db, "SELECT coalesce(max(txn), 0) FROM t");
	/* Later ones may have been committed before the console said so; none is there in part. */
	CHECK(last >= safe);
	CHECK(number(db, "SELECT count(*) FROM t") == last * LOAD_ROWS);
	CHECK(number(db, "SELECT count(*) FROM "
			 "(SELECT 1 FROM t GROUP BY txn HAVING count(*) <> 600)") == 0);
	printf("there: %lld\n", last);
	CHECK(sqlite3_close(db) == SQLITE_OK);
}

int main(int argc, char **argv)
{
	CHECK(argc > 2 && sqlite3_threadsafe());
	if (strcmp(argv[1], "fill") == 0)
		do_fill(argv[2], atoi(argv[3]));
	else if (strcmp(argv[1], "load") == 0)
		do_load(argv[2]);
	else
		do_verify(argv[2], atoi(argv[3]));
	return check_done();
}
