// Tests the writer of JSON text.

import Inference
import Testing

@Suite struct JSONWriterTests {
    @Test func writesJSONThatIsValid() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(named: "a\"\\\n\u{1}é")
        writer.value("x\t\r\u{7F}")
        writer.key("list")
        writer.beginArray()
        writer.value(1)
        writer.value(-2.5)
        writer.value(Double.infinity)
        writer.value(true)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.raw("[]".utf8)
        writer.endArray()
        writer.field("s", nil)
        writer.field("ms", hundredths: 1205)
        writer.field("none", hundredths: 7)
        writer.endObject()
        #expect(
            text(writer.bytes)
                == #"{"a\"\\\n\u0001é":"x\t\r\u007f","list":[1,-2.5,null,true,null,{},[]],"s":null,"ms":12.05,"none":0.07}"#
        )
    }
}
