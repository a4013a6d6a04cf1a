# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += contrib/packages contrib/install-packages contrib/quickstart contrib/postfix/main.cf

# for `include' and for a link in Sendmail's folder of features
sendmaildir = $(pkgdatadir)/sendmail
dist_sendmail_DATA = contrib/sendmail/kodama.m4 contrib/sendmail/kodama.mc contrib/sendmail/kodama-map.mc
