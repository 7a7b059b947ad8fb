import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.getunleash.DefaultUnleash;
import io.getunleash.Unleash;
import io.getunleash.UnleashContext;
import io.getunleash.util.UnleashConfig;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.ZonedDateTime;

/**
 * Evaluates cases of the client specification with the Unleash SDK for the JVM: a JSON object a line in, an array a line out.
 *
 * <p>In: {"fresh": bool, "cases": [{"kind": "enabled" | "variant", "toggleName", "context"}]}. fresh asks for a client of its
 * own, which polls; without it the cases go to one client that streams for as long as the program runs.
 */
public final class Evaluate {
    public static void main(String[] arguments) throws Exception {
        var streaming = connect(true);
        var gson = new Gson();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            var question = JsonParser.parseString(line).getAsJsonObject();
            var fresh = question.get("fresh").getAsBoolean();
            var client = fresh ? connect(false) : streaming;
            var results = new JsonArray();
            for (var one : question.getAsJsonArray("cases")) results.add(evaluate(client, one.getAsJsonObject()));
            System.out.println(gson.toJson(results));
            // No shutdown of fresh clients: it would end the threads that all clients of the SDK's share.
        }
        System.exit(0);
    }

    private static Unleash connect(boolean streaming) throws Exception {
        var backup = File.createTempFile("specification", ".json");
        backup.delete();
        backup.deleteOnExit();
        var config = UnleashConfig.builder()
            .appName("specification-java")
            .unleashAPI(System.getenv("UNLEASH_URL") + "/api")
            .apiKey(System.getenv("UNLEASH_API_TOKEN"))
            .backupFile(backup.getPath())
            .fetchTogglesInterval(3600)
            .disableMetrics();
        if (streaming) config.experimentalStreamingMode();
        else config.synchronousFetchOnInitialisation(true);
        return new DefaultUnleash(config.build());
    }

    private static JsonElement evaluate(Unleash client, JsonObject one) {
        var name = one.get("toggleName").getAsString();
        var context = context(one.getAsJsonObject("context"));
        if (one.get("kind").getAsString().equals("enabled")) return new Gson().toJsonTree(client.isEnabled(name, context));
        var variant = client.getVariant(name, context);
        var result = new JsonObject();
        result.addProperty("name", variant.getName());
        result.addProperty("enabled", variant.isEnabled());
        result.addProperty("feature_enabled", variant.isFeatureEnabled());
        // What stands for "no variant" has a payload without a value in this SDK.
        variant.getPayload().filter(payload -> payload.getValue() != null)
            .ifPresent(payload -> result.add("payload", new Gson().toJsonTree(payload)));
        return result;
    }

    private static UnleashContext context(JsonObject given) {
        var context = UnleashContext.builder();
        for (var entry : given.entrySet()) {
            if (entry.getValue().isJsonNull()) continue;
            if (entry.getValue().isJsonObject()) {
                entry.getValue().getAsJsonObject().asMap().forEach((key, value) -> {
                    if (!value.isJsonNull()) context.addProperty(key, value.getAsString());
                });
                continue;
            }
            var value = entry.getValue().getAsString();
            switch (entry.getKey()) {
                case "userId" -> context.userId(value);
                case "sessionId" -> context.sessionId(value);
                case "remoteAddress" -> context.remoteAddress(value);
                case "environment" -> context.environment(value);
                case "appName" -> context.appName(value);
                case "currentTime" -> context.currentTime(ZonedDateTime.parse(value));
                default -> context.addProperty(entry.getKey(), value);
            }
        }
        return context.build();
    }
}
