// SPDX-License-Identifier: BSD-3-Clause
//
// One transfer per request, and one more per redirect, each with all options set anew; see
// curl_transport.h. Redirects are not left to curl, because it cannot hold them to one host.
#include "control/cli/fetch/curl_transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace postern::cli {
namespace {

constexpr int kMaxRedirects = 5;
constexpr const char* kUserAgent = "postern/" POSTERN_VERSION;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

class Url {
 public:
  explicit Url(const std::string& text) : handle_(curl_url()) {
    good_ = handle_ && curl_url_set(handle_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  ~Url() { curl_url_cleanup(handle_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (!good_ || curl_url_get(handle_, which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    std::string result(text);
    curl_free(text);
    return result;
  }

 private:
  CURLU* handle_;
  bool good_ = false;
};

// Header lines of one request.
class Headers {
 public:
  ~Headers() { curl_slist_free_all(list_); }
  Headers() = default;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list() const noexcept { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// What comes in while a transfer runs.
struct Incoming {
  GetResponse response;
  uint64_t max_bytes = 0;
  bool too_large = false;
};

size_t take_body(char* data, size_t, size_t size, void* user) {
  auto& incoming = *static_cast<Incoming*>(user);
  if (size > incoming.max_bytes - incoming.response.body.size()) {
    incoming.too_large = true;
    return 0;
  }
  incoming.response.body.append(data, size);
  return size;
}

size_t take_header(char* data, size_t, size_t size, void* user) {
  auto& response = static_cast<Incoming*>(user)->response;
  std::string_view line(data, size);
  if (line.starts_with("HTTP/")) response.etag = response.last_modified = "";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  auto value = line.substr(colon + 1);
  const auto first = value.find_first_not_of(" \t");
  value = first == std::string_view::npos ? "" : value.substr(first);
  value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
  const auto name = lower(std::string(line.substr(0, colon)));
  if (name == "etag") response.etag = value;
  if (name == "last-modified") response.last_modified = value;
  return size;
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(const TransportLimits& limits) : limits_(limits), curl_(curl_easy_init()) {
    if (!curl_) throw TransportError("libcurl cannot be used");
  }
  ~CurlTransport() override { curl_easy_cleanup(curl_); }

  GetResponse get(const GetRequest& request) override {
    const auto host = https_host(request.url);
    if (host.empty()) throw TransportError("'" + request.url + "' is not an https URL");
    const auto deadline = std::chrono::steady_clock::now() + limits_.total;
    std::string url = request.url;
    for (int redirects = 0;; redirects++) {
      Incoming incoming;
      incoming.max_bytes = request.max_bytes;
      const auto status = transfer(url, request, deadline, incoming);
      const auto modified_at = curl_getdate(incoming.response.last_modified.c_str(), nullptr);
      if (modified_at > 0) incoming.response.modified_at = modified_at;
      if (status == 200) return std::move(incoming.response);
      if (status == 304 && !(request.etag.empty() && request.last_modified.empty())) {
        incoming.response.not_modified = true;
        incoming.response.body.clear();
        return std::move(incoming.response);
      }
      char* target = nullptr;
      curl_easy_getinfo(curl_, CURLINFO_REDIRECT_URL, &target);
      if (!target) throw TransportError("the server answers " + std::to_string(status));
      if (redirects == kMaxRedirects) throw TransportError("too many redirects");
      url = target;
      if (https_host(url) != host)
        throw TransportError("it redirects to '" + url + "', which is another host than " + host);
    }
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (const auto code = curl_easy_setopt(curl_, option, value); code != CURLE_OK)
      throw TransportError(curl_easy_strerror(code));
  }

  // The status of the answer. Throws TransportError.
  long transfer(const std::string& url, const GetRequest& request,
                std::chrono::steady_clock::time_point deadline, Incoming& incoming) {
    using std::chrono::milliseconds;
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    Headers headers;
    if (!request.etag.empty()) headers.add("If-None-Match: " + request.etag);
    if (!request.last_modified.empty()) headers.add("If-Modified-Since: " + request.last_modified);
    char error[CURL_ERROR_SIZE] = "";
    curl_easy_reset(curl_);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!limits_.ca_file.empty()) {
      set(CURLOPT_CAINFO, limits_.ca_file.c_str());
      set(CURLOPT_CAPATH, nullptr);
    }
    if (!request.pin.empty()) set(CURLOPT_PINNEDPUBLICKEY, request.pin.c_str());
    set(CURLOPT_USERAGENT, kUserAgent);
    set(CURLOPT_HTTPHEADER, headers.list());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<int64_t>(1, left.count())));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(milliseconds(limits_.stall).count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.stall.count()));
    set(CURLOPT_ERRORBUFFER, error);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&incoming));
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&incoming));
    const auto code = curl_easy_perform(curl_);
    if (incoming.too_large)
      throw TransportError("it is larger than " + std::to_string(request.max_bytes) + " bytes");
    if (code != CURLE_OK) throw TransportError(*error ? error : curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  const TransportLimits limits_;
  CURL* curl_;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport(const TransportLimits& limits) {
  return std::make_unique<CurlTransport>(limits);
}

std::string https_host(const std::string& text) {
  const Url url(text);
  if (url.part(CURLUPART_SCHEME) != "https") return "";
  const auto host = lower(url.part(CURLUPART_HOST));
  return host.empty() ? "" : host + ':' + url.part(CURLUPART_PORT);
}

}  // namespace postern::cli
