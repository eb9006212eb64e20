package dev.postrider.outbound;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.component.http.HttpActivityListener;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;

/** Notes the headers of a request as they go out, those of the HTTP client included, for the record of the attempt. */
final class SentHeaders implements HttpActivityListener {

    /** Property of the Camel exchange: the headers by name; secret values are masked. */
    static final String SENT_HEADERS = "sentHeaders";

    static final String MASK = "***";

    @Override
    public void onRequestSubmitted(
            Object source, Exchange exchange, HttpHost host, HttpRequest request, HttpEntity entity) {
        DeliveryRequest delivery = exchange.getProperty(BoundedExchange.REQUEST, DeliveryRequest.class);
        Map<String, String> sent = new LinkedHashMap<>();
        for (Header header : request.getHeaders()) {
            sent.put(header.getName(), delivery.secretHeaders().contains(header.getName()) ? MASK : header.getValue());
        }
        exchange.setProperty(SENT_HEADERS, sent);
    }

    @Override
    public void onResponseReceived(
            Object source, Exchange exchange, HttpHost host, HttpResponse response, HttpEntity entity, long elapsed) {
        // BoundedExchange keeps the response.
    }
}
