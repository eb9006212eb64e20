package dev.postrider.outbound;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/**
 * One signed request to an endpoint, ready to be sent.
 *
 * @param url where to
 * @param headers all headers that we choose, ours and the endpoint's own
 * @param secretHeaders the names of those whose values nobody may read
 * @param body the bytes that were signed, as text
 * @param clientCertificate a certificate chain and its key in PEM; null if it carries none
 * @param timeout for the whole exchange, the response's body included
 */
record DeliveryRequest(
        URI url,
        Map<String, String> headers,
        Set<String> secretHeaders,
        String body,
        String clientCertificate,
        Duration timeout) {

    /** Path and query exactly as they were given. */
    String target() {
        String path = url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath();
        return url.getRawQuery() == null ? path : path + "?" + url.getRawQuery();
    }

    /** Scheme, host and port. */
    String origin() {
        return url.getScheme() + "://" + url.getRawAuthority();
    }

    /** Never the headers: records end up in logs. */
    @Override
    public String toString() {
        return "DeliveryRequest[" + url + "]";
    }
}
