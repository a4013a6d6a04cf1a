/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libpq, loaded when a database of PostgreSQL's is opened for the first time: it brings twenty libraries with it (Kerberos,
 * LDAP, two of TLS), 3 MiB of memory in each process, that nobody with SQLite has a use for.  Call libpq.PQexec(...).
 */
#ifndef KODAMA_STORE_LIBPQ_H
#define KODAMA_STORE_LIBPQ_H

#include <libpq-fe.h>

#include "base/library.h"

#define LIBPQ_FUNCTIONS(F)                                                                                                                                     \
	F(PQcancel) F(PQclear) F(PQcmdStatus) F(PQconnectdbParams) F(PQconsumeInput) F(PQdescribePrepared) F(PQerrorMessage) F(PQexec) F(PQfinish) F(PQfreeCancel) F(PQfreemem)      \
	F(PQftype) F(PQgetCancel) F(PQgetCopyData) F(PQgetResult) F(PQgetisnull) F(PQgetlength) F(PQgetvalue) F(PQnfields) F(PQnotifies) F(PQnparams) F(PQntuples) F(PQparamtype) \
	F(PQprepare) F(PQputCopyData) F(PQputCopyEnd) F(PQresultErrorField) F(PQresultErrorMessage) F(PQresultStatus) F(PQsendQuery) F(PQsendQueryPrepared) F(PQsetNoticeReceiver)              \
	F(PQsetSingleRowMode) F(PQsocket) F(PQstatus) F(PQtransactionStatus)

extern struct libpq {
	LIBPQ_FUNCTIONS(LIBRARY_DECLARE)
} libpq;

/* Once for all, any thread.  false: it cannot be loaded, *ret_why says why. */
bool libpq_load(const char **ret_why) __attribute__((warn_unused_result));

#endif
