package dev.postrider.analytics;

import org.springframework.boot.actuate.endpoint.Producible;
import org.springframework.util.MimeType;

/** How the figures can be asked for, by {@code Accept}. */
enum FiguresFormat implements Producible<FiguresFormat> {
    /** For people. */
    PAGE("text/html;charset=UTF-8"),
    /** For programs. */
    JSON("application/json");

    private final MimeType type;

    FiguresFormat(String type) {
        this.type = MimeType.valueOf(type);
    }

    @Override
    public MimeType getProducedMimeType() {
        return type;
    }

    @Override
    public boolean isDefault() {
        return this == PAGE;
    }
}
