// What libcurl needs for a ClientRequest. Internal to net.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "net/client.h"

namespace siyu::net {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// URL, method, headers, JSON body, certificates and connect timeout. `request` and the list outlive the transfer.
HeaderList prepare(CURL* curl, const ClientOptions& options, const ClientRequest& request, char* error_buffer);
/// "https://host:8080", without what a URL may carry of secrets.
std::string place_of(const std::string& url);
Error transport_error(CURLcode code, const std::string& url, const char* why);

}  // namespace siyu::net
