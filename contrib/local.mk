# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += contrib/packages contrib/install-packages contrib/quickstart contrib/postfix/main.cf contrib/sendmail/kodama.mc contrib/sendmail/kodama-map.mc
