# SPDX-License-Identifier: BSD-2-Clause
dist_man_MANS += man/kodama.1 man/kodama.conf.5 man/kodamad.8
dist_man_MANS += man/kodama.rules.5
