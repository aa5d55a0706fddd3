// SPDX-License-Identifier: BSD-3-Clause
//
// Boost.Asio, its TLS streams and Boost.Beast, compiled once for the management API and for control
// instead of in every file that includes them (asio_dep carries the macros that make the headers
// say so). Nothing in it is the engine's.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
