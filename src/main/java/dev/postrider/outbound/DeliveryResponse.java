package dev.postrider.outbound;

import java.util.Map;

/**
 * What came back from an endpoint, as far as it was read.
 *
 * @param headers by lower-case name; several of one name are joined by commas
 * @param body up to the setting {@code postrider.limits.response-capture}
 * @param cut whether there was more of the body
 */
record DeliveryResponse(int status, Map<String, String> headers, String body, boolean cut) {}
