// SPDX-License-Identifier: BSD-3-Clause
//
// Boost.Asio, its TLS streams and Boost.Beast, compiled once for everything in control instead of
// in every file that includes them (asio_dep carries the macros that make the headers say so). It
// stands in dns/ because dns/ is the lowest folder of control that uses Asio: every other one links
// it already.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
