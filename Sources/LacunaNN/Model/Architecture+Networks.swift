// The networks whose results are documented: two of images, one of speech, one of text, one of words.

extension Architecture {
  /// A residual network after ResNet-20 (He et al., 2016): three stages of three blocks of two 3×3
  /// convolutions, the width doubled and the image halved from stage to stage.
  ///
  /// Its first convolution halves the image already: a quarter of the original's arithmetic.
  ///
  /// - Parameter width: channels of the first stage.
  public static func resNet20(
    width: Int = 16, input: Shape = Shape(height: 28, width: 28, channels: 1), classes: Int = 10
  ) -> Architecture {
    var layers = convolved("stem", width, 3, stride: 2) + [.relu(name: "stem/relu")]
    for stage in 0..<3 {
      for block in 0..<3 {
        let name = "stage\(stage + 1)/block\(block + 1)"
        let (filters, halves) = (width << stage, stage > 0 && block == 0)
        layers.append(
          .residual(
            name: name,
            body: convolved("\(name)/conv1", filters, 3, stride: halves ? 2 : 1)
              + [.relu(name: "\(name)/relu")] + convolved("\(name)/conv2", filters, 3),
            shortcut: halves ? convolved("\(name)/skip", filters, 1, stride: 2) : [],
            relu: true))
      }
    }
    layers += [
      .globalAveragePooling(name: "mean"), .dense(name: "out", units: classes, relu: false),
    ]
    return Architecture(name: "resnet20", input: input, layers: layers)
  }

  /// A network of inverted residuals after MobileNetV2 (Sandler et al., 2018): 1×1 convolutions that
  /// widen and narrow around a depthwise 3×3 one.
  ///
  /// - Parameter width: channels behind the first convolution, which the stages multiply.
  public static func mobileNetV2(
    width: Int = 16, input: Shape = Shape(height: 28, width: 28, channels: 1), classes: Int = 10
  ) -> Architecture {
    var layers = convolved("stem", width, 3, stride: 2) + [.relu(name: "stem/relu")]
    var channels = width
    for (stage, (filters, count, stride)) in [
      (width, 1, 1), (width * 3 / 2, 2, 2), (width * 5 / 2, 2, 1), (width * 4, 2, 2),
    ].enumerated() {
      for block in 0..<count {
        let name = "stage\(stage + 1)/block\(block + 1)"
        let step = block == 0 ? stride : 1
        let body: [LayerDescription] =
          convolved("\(name)/wide", 4 * channels, 1) + [
            .relu(name: "\(name)/relu1"),
            .depthwiseConvolution(
              name: "\(name)/each",
              window: Window2D(
                height: 3, width: 3, strideY: step, strideX: step, padding: .same)),
            norm("\(name)/each"), .relu(name: "\(name)/relu2"),
          ] + convolved("\(name)/narrow", filters, 1)
        layers +=
          step == 1 && filters == channels
          ? [.residual(name: name, body: body, shortcut: [], relu: false)] : body
        channels = filters
      }
    }
    layers += convolved("head", 8 * width, 1)
    layers += [
      .relu(name: "head/relu"), .globalAveragePooling(name: "mean"),
      .dense(name: "out", units: classes, relu: false),
    ]
    return Architecture(name: "mobilenetv2", input: input, layers: layers)
  }

  /// Recurrent layers over a sequence of feature vectors, and a classifier on the mean of their
  /// results over time.
  public static func sequenceClassifier(
    steps: Int, features: Int, unit: RecurrentUnit = .gru, units: [Int], classes: Int
  ) -> Architecture {
    let recurrent = units.enumerated().map { place, count in
      LayerDescription.recurrent(
        name: "\(unit.rawValue)\(place + 1)", unit: unit, units: count, output: .all)
    }
    return Architecture(
      name: "sequence classifier", input: Shape(height: steps, width: 1, channels: features),
      layers: recurrent + [
        .globalAveragePooling(name: "mean"), .dense(name: "out", units: classes, relu: false),
      ])
  }

  /// An embedding, recurrent layers, and logits of the next symbol at each step.
  public static func languageModel(
    vocabulary: Int, steps: Int, embedded: Int, unit: RecurrentUnit = .gru, units: [Int]
  ) -> Architecture {
    let recurrent = units.enumerated().map { place, count in
      LayerDescription.recurrent(
        name: "\(unit.rawValue)\(place + 1)", unit: unit, units: count, output: .all)
    }
    return Architecture(
      name: "language model", input: Shape(height: steps, width: 1, channels: 1),
      layers: [.embedding(name: "embed", vocabulary: vocabulary, features: embedded)] + recurrent
        + [
          .convolution(
            name: "out", filters: vocabulary,
            window: Window2D(height: 1, width: 1, padding: .valid), relu: false)
        ])
  }

  /// Symbols of a target from those of a source, such as sounds from letters: an encoder that reads the source in both
  /// directions, a decoder that begins with its last states, and attention from each of the decoder's states to all of
  /// the encoder's. ``SequencePairs`` are what it is trained on, ``Translator`` runs it.
  ///
  /// - Parameter targetSteps: symbols of the longest target, its end counted.
  public static func encoderDecoder(
    _ sizes: EncoderDecoderSizes, targetSteps: Int
  ) -> Architecture {
    Architecture(
      name: "encoder-decoder",
      input: Shape(height: sizes.sourceSteps + targetSteps, width: 1, channels: 1),
      layers: [.encoderDecoder(name: "seq", sizes: sizes)])
  }

  private static func convolved(
    _ name: String, _ filters: Int, _ size: Int, stride: Int = 1
  ) -> [LayerDescription] {
    [
      .convolution(
        name: name, filters: filters,
        window: Window2D(
          height: size, width: size, strideY: stride, strideX: stride, padding: .same),
        relu: false), norm(name),
    ]
  }

  private static func norm(_ name: String) -> LayerDescription {
    .batchNormalization(name: "\(name)/norm", momentum: 0.9, epsilon: 1e-3)
  }
}
