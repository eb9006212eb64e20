package dev.postrider.inbound;

import java.util.Arrays;
import java.util.List;

/** A list of event types as routes write it: {@code invoice.paid, customer.*, *.deleted}, or {@code *} for all. */
final class EventTypes {

    private final List<String> patterns;

    private EventTypes(List<String> patterns) {
        this.patterns = patterns;
    }

    /** @param patterns separated by commas; an empty text is none */
    static EventTypes of(String patterns) {
        return new EventTypes(Arrays.stream(patterns.split(","))
                .map(String::strip)
                .filter(pattern -> !pattern.isEmpty())
                .toList());
    }

    boolean have(String type) {
        return patterns.stream().anyMatch(pattern -> matches(pattern, type));
    }

    @Override
    public String toString() {
        return String.join(", ", patterns);
    }

    private static boolean matches(String pattern, String type) {
        return pattern.equals("*")
                || pattern.equals(type)
                || pattern.endsWith("*") && type.startsWith(pattern.substring(0, pattern.length() - 1))
                || pattern.startsWith("*") && type.endsWith(pattern.substring(1));
    }
}
