package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.apache.camel.Exchange;

/** Writes a page of deliveries as a table for people, when the request asks for {@code "format": "text"}. */
public final class DeliveryTable {

    private static final List<String> TITLES =
            List.of("DELIVERY", "EVENT TYPE", "STATUS", "ANSWERS", "LAST ATTEMPT", "NEXT ATTEMPT", "LAST ERROR");

    private final ObjectMapper json;

    DeliveryTable(ObjectMapper json) {
        this.json = json;
    }

    /** Leaves the page as it is unless a table was asked for; the last line then says how to go on. */
    public void write(Exchange exchange) throws JsonProcessingException {
        JsonNode request = json.readTree(exchange.getProperty("request", String.class));
        if (!request.path("format").asText().equals("text")) {
            return;
        }
        JsonNode page = json.readTree(exchange.getMessage().getBody(String.class));
        List<List<String>> rows = new ArrayList<>();
        rows.add(TITLES);
        page.path("items").forEach(delivery -> rows.add(cells(delivery)));
        String table = rows.stream().map(row -> line(row, rows)).collect(Collectors.joining());
        JsonNode next = page.path("nextCursor");
        exchange.getMessage().setBody(next.isTextual() ? table + "more: cursor=" + next.asText() + "\n" : table);
        exchange.setProperty("contentType", "text/plain; charset=utf-8");
    }

    private static List<String> cells(JsonNode delivery) {
        String answers = StreamSupport.stream(delivery.path("responseStatuses").spliterator(), false)
                .map(status -> status.isNull() ? "-" : status.asText())
                .collect(Collectors.joining(" "));
        return List.of(
                delivery.path("deliveryId").asText(),
                delivery.path("eventType").asText(),
                delivery.path("status").asText(),
                answers,
                text(delivery.path("lastAttemptAt")),
                text(delivery.path("nextAttemptAt")),
                text(delivery.path("lastError")).replaceAll("\\s+", " "));
    }

    private static String text(JsonNode value) {
        return value.isTextual() ? value.asText() : "";
    }

    private static String line(List<String> row, List<List<String>> rows) {
        return IntStream.range(0, row.size())
                        .mapToObj(column -> row.get(column)
                                + " "
                                        .repeat(width(column, rows)
                                                - row.get(column).length()))
                        .collect(Collectors.joining("  "))
                        .stripTrailing()
                + "\n";
    }

    private static int width(int column, List<List<String>> rows) {
        return rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
    }
}
