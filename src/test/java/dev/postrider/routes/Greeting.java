package dev.postrider.routes;

/** A bean for routes to declare. */
public class Greeting {

    private String text;

    public void setText(String text) {
        this.text = text;
    }

    public String say() {
        return text;
    }
}
